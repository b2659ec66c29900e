-- The record of one call. Written once and never changed. Columns that are NULL are not known or do not apply.
CREATE TABLE events (
    -- The request's Idempotency-Key within its project, else the request's id: what was written is counted once.
    idempotency_key TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    -- NULL when it is the key.
    request_id TEXT,
    -- Milliseconds since 1970-01-01 UTC.
    created_at BIGINT NOT NULL,
    completed_at BIGINT NOT NULL,
    organization TEXT NOT NULL,
    project TEXT NOT NULL,
    api_key TEXT NOT NULL,
    user_id TEXT,
    service_account TEXT,
    operation TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model_version TEXT NOT NULL,
    replica TEXT,
    node TEXT,
    status TEXT NOT NULL,
    error_code TEXT,
    -- Disjoint counts.
    requests BIGINT,
    input_tokens BIGINT,
    cached_input_tokens BIGINT,
    cache_write_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    embedding_tokens BIGINT,
    usage_known BIGINT NOT NULL,
    -- Billionths of one unit of the currency.
    cost_nanos BIGINT,
    currency TEXT,
    price_version TEXT,
    queue_ms BIGINT NOT NULL,
    first_token_ms BIGINT,
    duration_ms BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    service_tier TEXT,
    -- A JSON object of texts.
    labels TEXT,
    energy_millijoules BIGINT,
    energy_source TEXT
);

-- Every report is of one organisation and a stretch of time. No other index: each one is paid for by every call.
CREATE INDEX events_by_time ON events (organization, created_at);

-- Prices of a deployment from a moment on. A row is never changed.
CREATE TABLE price_lists (
    version TEXT NOT NULL PRIMARY KEY,
    deployment TEXT NOT NULL,
    -- Counts the lists of a deployment in the order in which they were written.
    sequence BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- A JSON object: nano-units of currency for a million of each unit.
    prices TEXT NOT NULL,
    effective_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (deployment, sequence)
);

CREATE INDEX price_lists_by_time ON price_lists (deployment, effective_at, sequence);

-- Limits that an administrator set for a project; NULL follows the platform's default.
CREATE TABLE rate_limits (
    project TEXT NOT NULL,
    deployment TEXT NOT NULL,
    requests_per_minute BIGINT,
    tokens_per_minute BIGINT,
    concurrency BIGINT,
    PRIMARY KEY (project, deployment)
);
