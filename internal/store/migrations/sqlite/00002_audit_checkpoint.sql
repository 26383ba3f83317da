-- +goose Up

-- Signed statements about the table audit: up to which row it had how many, and their hash. docs/audit.md says how.
CREATE TABLE audit_checkpoint (
    number     integer PRIMARY KEY,
    seq_to     integer NOT NULL,
    row_count  integer NOT NULL,
    head       blob NOT NULL,
    at         text NOT NULL,
    key_id     text NOT NULL,
    public_key blob NOT NULL,
    previous   blob NOT NULL,
    handover   blob NOT NULL,
    signature  blob NOT NULL
);
CREATE INDEX audit_checkpoint_seq ON audit_checkpoint (seq_to, number);

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only');
END;
-- +goose StatementEnd
