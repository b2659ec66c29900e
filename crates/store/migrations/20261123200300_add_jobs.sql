-- Work that survives a restart.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- JSON.
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Names the claim: a runner whose number is older has lost the job.
    attempts BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    run_after BIGINT NOT NULL,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    error TEXT,
    -- JSON.
    result TEXT
);

CREATE INDEX jobs_by_turn ON jobs (status, run_after);
CREATE INDEX jobs_by_age ON jobs (project, created_at);
