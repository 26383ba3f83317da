-- +goose Up

-- For the patient who reads who used their data. The column of every event is in it, also that of an event about nobody,
-- so that a request for data that is withheld takes as long as one for data that does not exist.
CREATE INDEX audit_patient ON audit (patient, seq);
