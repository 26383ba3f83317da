-- +goose Up

-- Signed statements about the table audit: up to which row it had how many, and their hash. docs/audit.md says how.
CREATE TABLE audit_checkpoint (
    number     bigint CONSTRAINT audit_checkpoint_key PRIMARY KEY,
    seq_to     bigint NOT NULL,
    row_count  bigint NOT NULL,
    head       bytea NOT NULL,
    at         timestamptz NOT NULL,
    key_id     text COLLATE "C" NOT NULL,
    public_key bytea NOT NULL,
    previous   bytea NOT NULL,
    handover   bytea NOT NULL,
    signature  bytea NOT NULL
);
CREATE INDEX audit_checkpoint_seq ON audit_checkpoint (seq_to, number);

CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
