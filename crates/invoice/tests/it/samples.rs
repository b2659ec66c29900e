//! Documents to test with.

use tenfold_billing::invoice::{Issuer, Kind, Line, Party, Scheme, Statement};
use tenfold_kernel::{Currency, Timestamp};

/// 2026-10-01 in Shanghai.
const OCTOBER: Timestamp = Timestamp(1_790_784_000_000);
const DAY: i64 = 86_400_000;

/// A line of `nanos` with a tax of 6 %.
pub(crate) fn line(nanos: i128) -> Line {
    Line {
        project: Some("support-bot".to_owned()),
        model: Some("qwen2.5-0.5b-instruct".to_owned()),
        scheme: Scheme::Usage,
        description: "input tokens".to_owned(),
        quantity: 1_234_567,
        unit: "tokens".to_owned(),
        unit_price: Some("0.15 / 1M".to_owned()),
        amount: nanos,
        tax_rate: 60_000,
        tags: [].into(),
    }
}

/// An invoice over `lines` to a Chinese company.
pub(crate) fn invoice(currency: &str, lines: Vec<Line>) -> Statement {
    Statement {
        kind: Kind::Invoice,
        number: "INV-2026-000417".to_owned(),
        organization: Party {
            name: "杭州云栖智能科技有限公司".to_owned(),
            address: vec![
                "浙江省杭州市西湖区文三路 90 号 东部软件园 2 幢 301 室".to_owned(),
                "310012".to_owned(),
            ],
            tax_id: Some("91330106MA2KXY0000".to_owned()),
        },
        issuer: Issuer {
            party: Party {
                name: "Tenfold Computing Ltd".to_owned(),
                address: vec![
                    "12 Mill Lane".to_owned(),
                    "Cambridge CB2 1RX".to_owned(),
                    "United Kingdom".to_owned(),
                ],
                tax_id: Some("GB 123 4567 89".to_owned()),
            },
            payment_note: Some(
                "Bank transfer to Tenfold Computing Ltd, IBAN GB33 BUKB 2020 1555 5555 55, BIC BUKBGB22.\n\
                 Please quote the number of the invoice."
                    .to_owned(),
            ),
        },
        period_start: OCTOBER,
        period_end: Timestamp(OCTOBER.0 + 31 * DAY),
        time_zone: "Asia/Shanghai".to_owned(),
        issued_at: Timestamp(OCTOBER.0 + 31 * DAY + DAY / 3),
        due_at: Some(Timestamp(OCTOBER.0 + 61 * DAY)),
        currency: Currency::parse(currency).unwrap(),
        lines,
        credits_applied: 0,
        tax_correction: 0,
    }
}

/// What a small customer buys in a month: 24 lines of every scheme, with long and Chinese names among them.
pub(crate) fn small() -> Statement {
    let mut lines: Vec<Line> = (0_i128..18)
        .map(|n| Line {
            description: ["input tokens", "cached input", "output tokens"][usize::try_from(n % 3).unwrap()]
                .to_owned(),
            quantity: 91_234_567 * (u64::try_from(n).unwrap() + 1),
            ..line(13_685_185_050 * (n + 1))
        })
        .collect();
    lines.push(Line {
        project: Some("华东区客户服务与质量检测平台".to_owned()),
        model: Some("qwen3-embedding-0.6b-finance-2026-09".to_owned()),
        description: "向量化文本".to_owned(),
        tags: [("cost-centre".to_owned(), "4711".to_owned()), ("部门".to_owned(), "客服".to_owned())].into(),
        ..line(4_005_000_000)
    });
    lines.push(Line {
        scheme: Scheme::Items,
        description: "pages read".to_owned(),
        quantity: 3_204,
        unit: "pages".to_owned(),
        unit_price: Some("0.002".to_owned()),
        ..line(6_408_000_000)
    });
    lines.push(Line {
        project: None,
        model: None,
        scheme: Scheme::Subscription,
        description: "Team plan".to_owned(),
        quantity: 12,
        unit: "seats".to_owned(),
        unit_price: Some("20.00".to_owned()),
        ..line(240_000_000_000)
    });
    lines.push(Line {
        scheme: Scheme::Rental,
        model: None,
        description: "1 × H100 80 GB, reserved".to_owned(),
        quantity: 744,
        unit: "hours".to_owned(),
        unit_price: Some("2.49".to_owned()),
        ..line(1_852_560_000_000)
    });
    lines.push(Line {
        project: None,
        model: None,
        scheme: Scheme::Adjustment,
        description: "credit for the outage of 7 October".to_owned(),
        quantity: 1,
        unit: String::new(),
        unit_price: None,
        tax_rate: 0,
        ..line(-75_005_000_000)
    });
    Statement { credits_applied: 100_000_000_000, ..invoice("USD", lines) }
}

/// 200 lines.
pub(crate) fn large() -> Statement {
    invoice("CNY", (0..200).map(|n| line(1_000_000_000 * n + 5_000_000)).collect())
}
