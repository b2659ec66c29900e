-- Signing in to the console. What belongs to a user goes with the user. Digests are hex of keyed hashes.
CREATE INDEX users_by_email ON users (email);

-- `password` is a PHC string. Seeds of one-time codes (base 32) are nothing
-- without the pepper; `totp_pending` waits for a code of it.
CREATE TABLE console_accounts (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password TEXT,
    totp_seed TEXT,
    totp_step BIGINT,
    totp_pending TEXT,
    console_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE console_recovery_codes (
    user_id TEXT NOT NULL REFERENCES console_accounts (user_id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- By the hash of an address, whether or not somebody has it, or of a user's id.
CREATE TABLE console_attempts (
    subject TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT,
    locked_until BIGINT
);
CREATE INDEX console_attempts_by_end ON console_attempts (last_at);

CREATE TABLE console_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES console_accounts (user_id) ON DELETE CASCADE,
    digest TEXT NOT NULL UNIQUE,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX console_sessions_by_user ON console_sessions (user_id, created_at, id);
CREATE INDEX console_sessions_by_end ON console_sessions (expires_at);

-- Bytes are base64url. `state` changes by use; the rest never does.
CREATE TABLE console_passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES console_accounts (user_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    credential TEXT NOT NULL UNIQUE,
    transports BIGINT NOT NULL,
    public_key TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX console_passkeys_by_user ON console_passkeys (user_id, created_at, id);

CREATE TABLE console_challenges (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT REFERENCES console_accounts (user_id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX console_challenges_by_user ON console_challenges (user_id);
CREATE INDEX console_challenges_by_end ON console_challenges (expires_at);

-- `projects` is `<project>:<role>`, with a space between two.
CREATE TABLE invites (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    projects TEXT NOT NULL,
    invited_by TEXT,
    digest TEXT NOT NULL UNIQUE,
    invited_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT
);
CREATE INDEX invites_by_organization ON invites (organization_id, invited_at, id);
CREATE INDEX invites_by_end ON invites (expires_at);
