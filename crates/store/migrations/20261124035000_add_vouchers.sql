-- Codes that are worth money, once. A voucher is redeemed when the ledger has the transaction voucher:ID.
CREATE TABLE vouchers (
    id TEXT NOT NULL PRIMARY KEY,
    batch TEXT NOT NULL,
    issuer TEXT NOT NULL,
    code_hash TEXT NOT NULL UNIQUE,
    currency TEXT NOT NULL,
    nanos BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX vouchers_by_issuer ON vouchers (issuer, created_at, id);
