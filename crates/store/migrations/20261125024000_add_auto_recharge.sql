-- What an order is for: top_up, auto_recharge, or invoice:ID.
ALTER TABLE payment_orders ADD COLUMN purpose TEXT NOT NULL DEFAULT 'top_up';

-- Ways to pay that a payer let us keep.
CREATE TABLE payment_methods (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    provider TEXT NOT NULL,
    -- The provider's name of it.
    reference TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization, provider, reference)
);

-- How balances are recharged by themselves.
CREATE TABLE auto_recharges (
    organization TEXT NOT NULL PRIMARY KEY,
    -- 1 where there may be something to do.
    is_live BIGINT NOT NULL,
    -- JSON
    body TEXT NOT NULL,
    -- How often it was changed.
    revision BIGINT NOT NULL
);

CREATE INDEX auto_recharges_live ON auto_recharges (is_live, organization);
