-- +goose Up

-- What a pseudonym is for. A person has another one for each purpose, and no column joins them. Their ids are random.
ALTER TABLE subject ADD COLUMN purpose text COLLATE "C" NOT NULL DEFAULT 'patient';
DROP SEQUENCE subject_id;

-- The layout of what is sealed. The program changes it when it opens the register, because a migration has no keys.
ALTER TABLE current_key ADD COLUMN layout integer NOT NULL DEFAULT 1;

-- Sealed from here on.
ALTER TABLE notification ALTER COLUMN input_reference TYPE bytea USING convert_to(input_reference, 'UTF8');

-- Has a row only within a transaction that seals texts anew: then, and only then, sealed columns may change.
CREATE TABLE resealing (
    id integer PRIMARY KEY CHECK (id = 1)
);
-- +goose StatementBegin
CREATE FUNCTION refuse_change_unless_resealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND EXISTS (SELECT 1 FROM resealing) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END;
$$;
-- +goose StatementEnd
DROP TRIGGER notification_append_only ON notification;
CREATE TRIGGER notification_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notification
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_unless_resealing();
CREATE TRIGGER notification_seals_only BEFORE UPDATE OF seq, reference, version, number, type, state, change, specialist,
    specialist_nihii, operation_date, patient, prescriber, prescriber_nihii, prescription_date, registered_at, digest,
    signer, organisation, author
    ON notification FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER implant_append_only ON implant;
CREATE TRIGGER implant_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON implant
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_unless_resealing();
CREATE TRIGGER implant_seals_only BEFORE UPDATE OF id, reference, version, line, code, udi, lot, serial, expiry, pharmacist,
    pharmacist_nihii, pharmacy_nihii, pharmacy_cbe, delivery_date, quantity, side, udi_di, unregistered
    ON implant FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER removal_append_only ON removal;
CREATE TRIGGER removal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON removal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_unless_resealing();
CREATE TRIGGER removal_seals_only BEFORE UPDATE OF reference, version, line, implant_id, quantity, remaining, operation_date
    ON removal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER evidence_append_only ON evidence;
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_unless_resealing();
CREATE TRIGGER evidence_seals_only BEFORE UPDATE OF reference, version, accepted
    ON evidence FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER submission_append_only ON submission;
CREATE TRIGGER submission_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON submission
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_unless_resealing();
CREATE TRIGGER submission_seals_only BEFORE UPDATE OF signer, reference, version
    ON submission FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
