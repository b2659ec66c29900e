-- What `/v1/responses` keeps for its project.
CREATE TABLE responses (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    previous TEXT,
    input TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (project, id)
);

-- Answers for requests that are sent again with the same Idempotency-Key.
CREATE TABLE idempotency_keys (
    project TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    status BIGINT,
    content_type TEXT,
    body TEXT,
    PRIMARY KEY (project, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
