-- Thresholds of what is spent in a month, and whom to tell.
CREATE TABLE spend_alerts (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    -- organization or project
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Billionths of one unit of the currency.
    nanos BIGINT NOT NULL,
    -- webhook or email
    channel TEXT NOT NULL,
    -- JSON: an address and a secret, or recipients and a prefix.
    target TEXT NOT NULL,
    -- The counter that it reads: that of a limit by month of its scope.
    counter TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The beginning of the last month in which it was told.
    fired_for BIGINT
);

CREATE INDEX spend_alerts_by_organization ON spend_alerts (organization, created_at, id);
CREATE INDEX spend_alerts_by_counter ON spend_alerts (counter);

-- Alerts on their way: one for an alert and a month.
CREATE TABLE alert_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    alert TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    -- JSON.
    body TEXT NOT NULL,
    -- pending, done or failed
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    UNIQUE (alert, window_start)
);

CREATE INDEX alert_deliveries_due ON alert_deliveries (status, next_at, id);

-- When nothing was left of a grant after its end.
ALTER TABLE grants ADD COLUMN closed_at BIGINT;

CREATE INDEX grants_to_close ON grants (expires_at, id) WHERE closed_at IS NULL AND expires_at IS NOT NULL;
