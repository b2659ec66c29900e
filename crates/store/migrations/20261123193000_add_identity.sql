-- Who calls: organisations, projects, people, programs and keys. Times are milliseconds since 1970 UTC.
CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    default_project_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row, so that of several processes that start on an empty database one alone sets it up.
CREATE TABLE installation (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL
);

CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE INDEX projects_by_organization ON projects (organization_id, created_at, id);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    UNIQUE (organization_id, email)
);
CREATE INDEX users_by_organization ON users (organization_id, added_at, id);

CREATE TABLE project_members (
    project_id TEXT NOT NULL REFERENCES projects (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_members_by_user ON project_members (user_id);

CREATE TABLE service_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX service_accounts_by_project ON service_accounts (project_id, created_at, id);

-- `prefix` is public and finds the row; `digest` is the hex of a keyed hash of the secret, which is nowhere.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    user_id TEXT REFERENCES users (id),
    service_account_id TEXT REFERENCES service_accounts (id),
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    redacted TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_by_organization ON api_keys (organization_id, role, created_at, id);
CREATE INDEX api_keys_by_project ON api_keys (project_id, role, created_at, id);
CREATE INDEX api_keys_by_user ON api_keys (user_id);
CREATE INDEX api_keys_by_service_account ON api_keys (service_account_id);
