-- Limits of calls, tokens and images for anybody that can be limited.
CREATE TABLE call_limits (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    -- organization, project, user, api_key or model; the subject is empty for the organisation
    scope TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- requests, tokens, images or running
    metric TEXT NOT NULL,
    -- minute, day or now
    period TEXT NOT NULL,
    most BIGINT NOT NULL,
    -- 1 when a call beyond it is refused
    is_hard BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization, scope, subject, metric, period)
);
