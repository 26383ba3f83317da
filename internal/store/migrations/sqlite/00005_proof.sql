-- +goose Up

-- What a request stored: the SHA-256 of the signed Body, and of the version with its lines, warnings and evidence. Both are
-- empty in rows of requests that stored no version, and in rows of earlier programs. docs/audit.md says how they are made.
ALTER TABLE audit ADD COLUMN body_digest blob NOT NULL DEFAULT x'';
ALTER TABLE audit ADD COLUMN version_digest blob NOT NULL DEFAULT x'';
