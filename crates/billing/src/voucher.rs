//! Vouchers: codes that are worth money, once.
//!
//! A code has a hundred bits of chance, so it cannot be guessed, and is shown when it is made and never again: what is
//! kept is its hash. That it is redeemed once is a matter of the ledger: the transaction is named after the voucher.

use std::sync::Arc;

use tenfold_kernel::{Currency, OrganizationId, Secret, Timestamp, base62};

use crate::billing::Billing;
use crate::error::BillingError;
use crate::funds::TopUp;
use crate::ledger::Posted;

/// Letters and digits that are not taken for each other.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUPS: usize = 4;
const GROUP: usize = 5;
/// How many are made at once, at most.
const MOST: usize = 1_000;

/// A voucher, without its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// Its id.
    pub id: Arc<str>,
    /// Names those that were made together.
    pub batch: Arc<str>,
    /// Who made it.
    pub issuer: OrganizationId,
    /// The hash of its code, in hexadecimal digits.
    pub code_hash: Arc<str>,
    /// In which currency.
    pub currency: Currency,
    /// What it is worth, in nano-units.
    pub nanos: i64,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether somebody has redeemed it.
    pub is_redeemed: bool,
}

/// Vouchers to make.
#[derive(Debug, Clone)]
pub struct NewVouchers {
    /// How many; 1 to 1,000.
    pub count: usize,
    /// In which currency.
    pub currency: Currency,
    /// What each is worth, in nano-units.
    pub nanos: i64,
    /// When they end.
    pub expires_at: Option<Timestamp>,
}

impl Billing {
    /// Makes vouchers. Their codes are given here and nowhere else.
    ///
    /// # Errors
    /// [`BillingError::InvalidPrice`] for an amount or a count that cannot be, [`BillingError::Store`] when the database
    /// fails.
    pub async fn make_vouchers(
        &self,
        issuer: &OrganizationId,
        new: &NewVouchers,
    ) -> Result<Vec<(Voucher, Secret)>, BillingError> {
        let invalid = |field, reason: &str| BillingError::InvalidPrice { field, reason: reason.to_owned() };
        if !(1..=MOST).contains(&new.count) {
            return Err(invalid("count", "1 to 1000 vouchers are made at once"));
        }
        if new.nanos <= 0 {
            return Err(invalid("amount", "an amount is above zero"));
        }
        let now = self.ports.clock.now();
        if new.expires_at.is_some_and(|end| end <= now) {
            return Err(invalid("expires_at", "`expires_at` is in the past"));
        }
        let batch: Arc<str> = format!("vbatch_{}", base62(&*self.ports.rng, 24)).into();
        let made: Vec<(Voucher, Secret)> = (0..new.count)
            .map(|_| {
                let code = self.code();
                let voucher = Voucher {
                    id: format!("voucher_{}", base62(&*self.ports.rng, 24)).into(),
                    batch: Arc::clone(&batch),
                    issuer: issuer.clone(),
                    code_hash: hash(&code).into(),
                    currency: new.currency,
                    nanos: new.nanos,
                    expires_at: new.expires_at,
                    created_at: now,
                    is_redeemed: false,
                };
                (voucher, Secret::new(&code))
            })
            .collect();
        let vouchers: Vec<Voucher> = made.iter().map(|(voucher, _)| voucher.clone()).collect();
        self.ports.funds.put_vouchers(&vouchers).await?;
        Ok(made)
    }

    fn code(&self) -> String {
        let mut bytes = [0; GROUPS * GROUP];
        self.ports.rng.fill(&mut bytes);
        // Of 256 values each letter has eight, so that none is likelier than another.
        let letters: Vec<char> =
            bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        groups.join("-")
    }

    /// Vouchers that `issuer` made, newest first, from the one after `after` on, at most `limit`.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails.
    pub async fn vouchers(
        &self,
        issuer: &OrganizationId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Voucher>, BillingError> {
        self.ports.funds.vouchers(issuer, after, limit).await
    }

    /// Puts what a voucher is worth on the balance of `organization`.
    ///
    /// # Errors
    /// [`BillingError::UnknownVoucher`] for a code of nothing, one that has ended, and one that was redeemed, which are
    /// told apart only where the caller has the code of a voucher that was there.
    pub async fn redeem(&self, organization: &OrganizationId, code: &str) -> Result<Posted, BillingError> {
        let refused = |why| BillingError::UnknownVoucher { why };
        let voucher = self.ports.funds.voucher(&hash(&plain(code))).await?;
        let voucher = voucher.ok_or(refused("There is no voucher of this code."))?;
        if voucher.expires_at.is_some_and(|end| end <= self.ports.clock.now()) {
            return Err(refused("This voucher has ended."));
        }
        let posted = self
            .top_up(TopUp {
                key: format!("voucher:{}", voucher.id).into(),
                organization,
                provider: "voucher",
                currency: voucher.currency,
                nanos: voucher.nanos,
                memo: None,
            })
            .await?;
        if posted.is_repeat { Err(refused("This voucher was redeemed already.")) } else { Ok(posted) }
    }
}

/// The hash under which a code is kept.
fn hash(code: &str) -> String {
    blake3::hash(code.as_bytes()).to_hex().to_string()
}

/// A code as it was made, however somebody typed it.
fn plain(code: &str) -> String {
    let letters: Vec<char> = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(GROUPS * GROUP + 1)
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        })
        .collect();
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_was_typed() {
        assert_eq!(plain("abcde fghjk-mnpqr_stvwx"), "ABCDE-FGHJK-MNPQR-STVWX");
        assert_eq!(plain("OIL00-11111-22222-33333"), "01100-11111-22222-33333");
        assert_eq!(plain(""), "");
        assert!(plain(&"A".repeat(1_000)).len() < 30);
    }
}
