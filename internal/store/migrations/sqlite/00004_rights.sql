-- +goose Up

-- Until now each final notification stored a care relation of its specialist, without an end. They are derived now. A
-- relation of type "operation" that no notification made is one of the authentic source, and stays.
DELETE FROM therapeutic_link WHERE type = 'operation' AND EXISTS (
    SELECT 1 FROM subject p JOIN notification n ON n.patient = p.id JOIN subject s ON s.id = n.specialist
    WHERE p.person = therapeutic_link.patient AND s.person = therapeutic_link.professional
    AND n.operation_date = therapeutic_link.valid_from AND n.state = 'Final'
);

-- The day on which somebody ended a role or a mandate here, empty for one that only the authentic source ended. An
-- import does not open it again. Of what was ended before this migration nobody can tell who ended it.
ALTER TABLE affiliation ADD COLUMN ended_on text NOT NULL DEFAULT '';
ALTER TABLE mandate ADD COLUMN ended_on text NOT NULL DEFAULT '';

-- The emergencies of a professional on the last day on which they claimed one: for which patients, with which reasons
-- (as keyed hashes), and from when on each opens the patient's data. What happened is in the audit log.
CREATE TABLE emergency (
    professional integer NOT NULL,
    day          text NOT NULL,
    patient      integer NOT NULL,
    reason       blob NOT NULL,
    opens_at     text NOT NULL,
    PRIMARY KEY (professional, day, patient, reason)
) WITHOUT ROWID;

-- The rows of the operator's review lists.
CREATE INDEX audit_own_operation ON audit (seq) WHERE reason = 'own operation';
CREATE INDEX audit_emergency ON audit (seq) WHERE length(emergency) > 0;
