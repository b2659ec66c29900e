-- Orders to pay in through a payment provider.
CREATE TABLE payment_orders (
    -- 6 to 32 letters, digits and underscores
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    provider TEXT NOT NULL,
    -- Billionths of one unit of the currency.
    nanos BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- pending, paid, failed, expired, refunded or charged_back
    status TEXT NOT NULL,
    -- The provider's id of it, or of its payment.
    provider_order_id TEXT,
    -- JSON: what went back, by the provider's event.
    returns TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- How often it was changed.
    revision BIGINT NOT NULL,
    CHECK (nanos > 0)
);

CREATE INDEX payment_orders_by_time ON payment_orders (organization, created_at, id);
