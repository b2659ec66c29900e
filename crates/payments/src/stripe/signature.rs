//! The `Stripe-Signature` header.
//!
//! # Source
//! <https://docs.stripe.com/webhooks#verify-manually>.

use std::time::Duration;

use ring::hmac;
use tenfold_kernel::Timestamp;

use super::{NAME, malformed};
use crate::error::{Forgery, PaymentError};
use crate::notification::{BODY_LIMIT_BYTES, Notification};

/// What Stripe's own libraries allow.
const TOLERANCE: Duration = Duration::from_mins(5);
/// While a secret is rolled there are two. More than a few is an attempt to keep us busy.
const MOST_SIGNATURES: usize = 16;

/// Refuses a notification that was not signed with `key`, or not just now.
pub(crate) fn check(key: &hmac::Key, notification: &Notification) -> Result<(), PaymentError> {
    let header = notification.header("stripe-signature").ok_or(malformed("Stripe-Signature"))?;
    if notification.body.len() > BODY_LIMIT_BYTES {
        return Err(malformed("body"));
    }
    let (time, signatures) = parts(header).ok_or(malformed("Stripe-Signature"))?;
    let mut signed = Vec::with_capacity(time.len() + 1 + notification.body.len());
    signed.extend_from_slice(time.as_bytes());
    signed.push(b'.');
    signed.extend_from_slice(&notification.body);
    // `hmac::verify` compares in constant time.
    if !signatures.iter().any(|signature| hmac::verify(key, &signed, signature).is_ok()) {
        return Err(forged(Forgery::Signature));
    }
    let seconds = time.parse().map_err(|_| malformed("Stripe-Signature"))?;
    if !notification.is_within(TOLERANCE, Timestamp::from_secs(seconds)) {
        return Err(forged(Forgery::Stale));
    }
    Ok(())
}

/// The time, as it was signed, and the signatures of scheme `v1`. Other schemes are to be ignored.
fn parts(header: &str) -> Option<(&str, Vec<[u8; 32]>)> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", text) => {
                let is_number = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
                if !is_number || time.replace(text).is_some() {
                    return None;
                }
            }
            ("v1", text) => signatures.push(bytes_of_hex(text)?),
            _ => {}
        }
        if signatures.len() > MOST_SIGNATURES {
            return None;
        }
    }
    Some((time?, signatures))
}

fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

fn forged(forgery: Forgery) -> PaymentError {
    PaymentError::Forged { provider: NAME, forgery }
}
