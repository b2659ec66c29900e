-- What organisations can subscribe to.
CREATE TABLE plans (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    -- JSON: the plan. Price and allowances are never changed.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX plans_by_issuer ON plans (issuer, created_at, id);

-- Who has which plan.
CREATE TABLE subscriptions (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    -- active, past_due or ended
    status TEXT NOT NULL,
    -- The first moment after what is paid; NULL when there will be no other period.
    renews_at BIGINT,
    -- JSON: the subscription, with its plan as it was when it was chosen.
    body TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX subscriptions_by_organization ON subscriptions (organization, created_at, id);

CREATE INDEX subscriptions_by_renewal ON subscriptions (renews_at);
