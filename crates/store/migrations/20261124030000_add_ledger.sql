-- What an account was given less what was taken from it: a projection of entries, written with them.
CREATE TABLE accounts (
    -- organisation/kind/currency
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    -- 1 where it holds what may be spent.
    is_funds BIGINT NOT NULL,
    -- Billionths of one unit of the currency.
    balance BIGINT NOT NULL,
    held BIGINT NOT NULL,
    CHECK (held >= 0),
    CHECK (is_funds = 0 OR balance >= held)
);

CREATE INDEX accounts_by_organization ON accounts (organization, id);

-- Money that moved. Written once and never changed: a mistake is undone by entries the other way.
CREATE TABLE entries (
    transaction_key TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    organization TEXT NOT NULL,
    project TEXT,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    nanos BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- The transaction that it undoes.
    reverses TEXT,
    memo TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (transaction_key, sequence),
    CHECK (nanos > 0)
);

CREATE INDEX entries_by_time ON entries (organization, created_at);

-- What limits have counted.
CREATE TABLE counters (
    id TEXT NOT NULL PRIMARY KEY,
    used BIGINT NOT NULL,
    held BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);

-- What is held for calls that run.
CREATE TABLE holds (
    id TEXT NOT NULL PRIMARY KEY,
    process TEXT NOT NULL,
    -- JSON: accounts and counters with amounts.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX holds_by_process ON holds (process);

-- Which platform processes run on this database.
CREATE TABLE processes (
    id TEXT NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

-- How an organisation pays.
CREATE TABLE billing_profiles (
    organization TEXT NOT NULL PRIMARY KEY,
    -- prepaid or postpaid
    mode TEXT NOT NULL,
    credit_limit BIGINT,
    time_zone TEXT NOT NULL
);

-- Credit that was given.
CREATE TABLE grants (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    currency TEXT NOT NULL,
    nanos BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE INDEX grants_by_organization ON grants (organization, expires_at);

-- What may be spent.
CREATE TABLE spend_limits (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    period TEXT NOT NULL,
    currency TEXT NOT NULL,
    nanos BIGINT NOT NULL,
    is_hard BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization, scope, subject, period, currency)
);

-- Calls from before there was a ledger are owed.
INSERT INTO entries (transaction_key, sequence, kind, organization, project, debit, credit, nanos, currency, reverses,
    memo, created_at)
SELECT idempotency_key, 0, 'usage', organization, project, organization || '/receivable/' || currency,
    organization || '/revenue/' || currency, cost_nanos, currency, NULL, NULL, completed_at
FROM events WHERE cost_nanos > 0;

INSERT INTO accounts (id, organization, is_funds, balance, held)
SELECT debit, organization, 0, -SUM(nanos), 0 FROM entries GROUP BY debit, organization;

INSERT INTO accounts (id, organization, is_funds, balance, held)
SELECT credit, organization, 0, SUM(nanos), 0 FROM entries GROUP BY credit, organization;
