-- What is offered under which name. `target` is JSON: a model's file, or upstreams with our keys there.
CREATE TABLE deployments (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    target TEXT NOT NULL,
    max_concurrency BIGINT NOT NULL,
    queue_limit BIGINT NOT NULL,
    queue_timeout_ms BIGINT NOT NULL,
    eager BIGINT NOT NULL,
    idle_timeout_ms BIGINT,
    created_at BIGINT NOT NULL,
    project TEXT
);
