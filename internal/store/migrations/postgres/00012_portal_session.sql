-- +goose Up

-- The sessions of people at the portal, each under the hash of its token. A session names a person, so it is sealed
-- with the key of the key file. A row goes at sign-out, or once the session has expired.
CREATE TABLE portal_session (
    token  bytea CONSTRAINT portal_session_key PRIMARY KEY,
    key_id text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    until  timestamptz NOT NULL
);
CREATE INDEX portal_session_until ON portal_session (until);
