-- Rented replicas.
CREATE TABLE rentals (
    id TEXT NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    -- starting, up or ended
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- JSON: the rental.
    body TEXT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE INDEX rentals_by_organization ON rentals (organization, created_at, id);
CREATE INDEX rentals_that_run ON rentals (created_at, id) WHERE status <> 'ended';
