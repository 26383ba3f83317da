-- +goose Up

-- What a pseudonym is for. A person has another one for each purpose, and no column joins them.
ALTER TABLE subject ADD COLUMN purpose text NOT NULL DEFAULT 'patient';

-- The layout of what is sealed. The program changes it when it opens the register, because a migration has no keys.
ALTER TABLE current_key ADD COLUMN layout integer NOT NULL DEFAULT 1;

-- Has a row only within a transaction that seals texts anew: then, and only then, sealed columns may change.
CREATE TABLE resealing (
    id integer PRIMARY KEY CHECK (id = 1)
);

DROP TRIGGER notification_no_update;
-- +goose StatementBegin
CREATE TRIGGER notification_no_update BEFORE UPDATE ON notification WHEN NOT EXISTS (SELECT 1 FROM resealing)
BEGIN
    SELECT RAISE(ABORT, 'notification is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER notification_seals_only BEFORE UPDATE OF seq, reference, version, number, type, state, change, specialist,
    specialist_nihii, operation_date, patient, prescriber, prescriber_nihii, prescription_date, registered_at, digest,
    signer, organisation, author
ON notification
BEGIN
    SELECT RAISE(ABORT, 'notification is append-only');
END;
-- +goose StatementEnd
DROP TRIGGER implant_no_update;
-- +goose StatementBegin
CREATE TRIGGER implant_no_update BEFORE UPDATE ON implant WHEN NOT EXISTS (SELECT 1 FROM resealing)
BEGIN
    SELECT RAISE(ABORT, 'implant is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER implant_seals_only BEFORE UPDATE OF id, reference, version, line, code, udi, lot, serial, expiry, pharmacist,
    pharmacist_nihii, pharmacy_nihii, pharmacy_cbe, delivery_date, quantity, side, udi_di, unregistered
ON implant
BEGIN
    SELECT RAISE(ABORT, 'implant is append-only');
END;
-- +goose StatementEnd
DROP TRIGGER removal_no_update;
-- +goose StatementBegin
CREATE TRIGGER removal_no_update BEFORE UPDATE ON removal WHEN NOT EXISTS (SELECT 1 FROM resealing)
BEGIN
    SELECT RAISE(ABORT, 'removal is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER removal_seals_only BEFORE UPDATE OF reference, version, line, implant_id, quantity, remaining, operation_date
ON removal
BEGIN
    SELECT RAISE(ABORT, 'removal is append-only');
END;
-- +goose StatementEnd
DROP TRIGGER evidence_no_update;
-- +goose StatementBegin
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence WHEN NOT EXISTS (SELECT 1 FROM resealing)
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_seals_only BEFORE UPDATE OF reference, version, accepted
ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;
-- +goose StatementEnd
DROP TRIGGER submission_no_update;
-- +goose StatementBegin
CREATE TRIGGER submission_no_update BEFORE UPDATE ON submission WHEN NOT EXISTS (SELECT 1 FROM resealing)
BEGIN
    SELECT RAISE(ABORT, 'submission is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER submission_seals_only BEFORE UPDATE OF signer, reference, version
ON submission
BEGIN
    SELECT RAISE(ABORT, 'submission is append-only');
END;
-- +goose StatementEnd
