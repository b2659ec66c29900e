//! What is printed in the customer's language.

use jiff::civil::Date;

use tenfold_billing::invoice::{Kind, Scheme};

/// The language of a page. What the customer and the issuer wrote is printed as it is in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    En,
    /// Chinese, in simplified characters.
    ZhCn,
}

impl Language {
    /// The tag of BCP 47, such as `zh-CN`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }
}

/// The fixed words of a page.
#[derive(Debug)]
pub(crate) struct Words {
    language: Language,
    pub(crate) number: &'static str,
    pub(crate) billed_to: &'static str,
    pub(crate) tax_id: &'static str,
    pub(crate) issued: &'static str,
    pub(crate) due: &'static str,
    pub(crate) period: &'static str,
    pub(crate) time_zone: &'static str,
    pub(crate) project: &'static str,
    pub(crate) model: &'static str,
    pub(crate) description: &'static str,
    pub(crate) quantity: &'static str,
    pub(crate) unit_price: &'static str,
    pub(crate) tax: &'static str,
    pub(crate) subtotal: &'static str,
    pub(crate) total: &'static str,
    pub(crate) credits_applied: &'static str,
    pub(crate) balance_due: &'static str,
    pub(crate) balance_in_favour: &'static str,
    pub(crate) payment: &'static str,
    pub(crate) colon: &'static str,
}

const EN: Words = Words {
    language: Language::En,
    number: "Number",
    billed_to: "Billed to",
    tax_id: "Tax ID",
    issued: "Issued",
    due: "Due",
    period: "Period",
    time_zone: "Time zone",
    project: "Project",
    model: "Model",
    description: "Description",
    quantity: "Quantity",
    unit_price: "Unit price",
    tax: "Tax",
    subtotal: "Subtotal",
    total: "Total",
    credits_applied: "Credits applied",
    balance_due: "Balance due",
    balance_in_favour: "Balance in your favour",
    payment: "Payment",
    colon: ": ",
};

const ZH_CN: Words = Words {
    language: Language::ZhCn,
    number: "编号",
    billed_to: "客户",
    tax_id: "税号",
    issued: "开具日期",
    due: "付款期限",
    period: "账期",
    time_zone: "时区",
    project: "项目",
    model: "模型",
    description: "说明",
    quantity: "数量",
    unit_price: "单价",
    tax: "税率",
    subtotal: "小计",
    total: "合计",
    credits_applied: "已抵扣额度",
    balance_due: "应付余额",
    balance_in_favour: "应退余额",
    payment: "付款方式",
    colon: "：",
};

impl Words {
    /// The words of a language.
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::ZhCn => &ZH_CN,
        }
    }

    /// The name of the document. A Chinese one is a bill (账单) and not a 发票, which only the tax office's system
    /// can issue.
    pub(crate) fn title(&self, kind: &Kind) -> &'static str {
        match (self.language, kind) {
            (Language::En, Kind::Invoice) => "Invoice",
            (Language::En, Kind::CreditNote { .. }) => "Credit note",
            (Language::En, Kind::Statement) => "Statement",
            (Language::ZhCn, Kind::Invoice) => "账单",
            (Language::ZhCn, Kind::CreditNote { .. }) => "贷项通知单",
            (Language::ZhCn, Kind::Statement) => "对账单",
        }
    }

    /// Which invoice a credit note takes back.
    pub(crate) fn credit_of(&self, number: &str) -> String {
        match self.language {
            Language::En => format!("for invoice {number}"),
            Language::ZhCn => format!("冲减账单 {number}"),
        }
    }

    /// What a line is charged for.
    pub(crate) fn scheme(&self, scheme: Scheme) -> &'static str {
        match (self.language, scheme) {
            (Language::En, Scheme::Usage) => "Usage",
            (Language::En, Scheme::Items) => "Items",
            (Language::En, Scheme::Subscription) => "Subscription",
            (Language::En, Scheme::Rental) => "Rental",
            (Language::En, Scheme::Adjustment) => "Adjustment",
            (Language::ZhCn, Scheme::Usage) => "用量",
            (Language::ZhCn, Scheme::Items) => "计件",
            (Language::ZhCn, Scheme::Subscription) => "订阅",
            (Language::ZhCn, Scheme::Rental) => "租用",
            (Language::ZhCn, Scheme::Adjustment) => "调整",
        }
    }

    /// A day: `1 October 2026`, `2026年10月1日`.
    pub(crate) fn date(&self, day: Date) -> String {
        match self.language {
            Language::En => day.strftime("%-d %B %Y").to_string(),
            Language::ZhCn => day.strftime("%Y年%-m月%-d日").to_string(),
        }
    }

    /// From the first day to the last, both of them in it.
    pub(crate) fn days(&self, first: Date, last: Date) -> String {
        match self.language {
            Language::En => format!("{} to {}", self.date(first), self.date(last)),
            Language::ZhCn => format!("{}至{}", self.date(first), self.date(last)),
        }
    }

    /// The tax of `percent` on `base`, which is written already.
    pub(crate) fn tax_on(&self, percent: &str, base: &str) -> String {
        match self.language {
            Language::En => format!("Tax {percent}% on {base}"),
            Language::ZhCn => format!("税额（{percent}% × {base}）"),
        }
    }

    /// The head of the column of amounts.
    pub(crate) fn amount_in(&self, currency: &str) -> String {
        match self.language {
            Language::En => format!("Amount {currency}"),
            Language::ZhCn => format!("金额 {currency}"),
        }
    }

    /// How the amounts came about; `smallest` is the smallest amount of the currency, such as `0.01`.
    pub(crate) fn rounding(&self, currency: &str, smallest: &str) -> String {
        match self.language {
            Language::En => format!(
                "All amounts are in {currency}. Each line is rounded once, to {smallest} {currency}; tax is computed on \
                 the sum of the lines of its rate and rounded once."
            ),
            Language::ZhCn => format!(
                "所有金额以 {currency} 计。每一行按 {smallest} {currency} 四舍五入一次；税额按同一税率各行之和计算，并四舍五入一次。"
            ),
        }
    }

    /// Which page of how many.
    pub(crate) fn page_of(&self, page: usize, pages: usize) -> String {
        match self.language {
            Language::En => format!("Page {page} of {pages}"),
            Language::ZhCn => format!("第 {page} 页，共 {pages} 页"),
        }
    }
}
