-- +goose Up

-- Days are texts YYYY-MM-DD, instants texts YYYY-MM-DDTHH:MM:SS.ffffffZ in UTC, so both sort in time. What is not given is
-- the empty text.

CREATE TABLE person (
    ssin       text PRIMARY KEY,
    first_name text NOT NULL,
    last_name  text NOT NULL,
    birth_date text NOT NULL,
    death_date text NOT NULL
) WITHOUT ROWID;

CREATE TABLE practice (
    ssin       text NOT NULL,
    nihii      text NOT NULL,
    nihii_base text NOT NULL, -- the first eight digits name the holder, the last three a qualification
    profession text NOT NULL,
    speciality text NOT NULL,
    valid_from text NOT NULL,
    valid_to   text NOT NULL,
    PRIMARY KEY (ssin, nihii, profession, valid_from)
) WITHOUT ROWID;
CREATE INDEX practice_nihii ON practice (nihii_base);

CREATE TABLE organisation (
    id    text PRIMARY KEY, -- the first eight digits of the NIHII number, or the CBE number where there is none
    nihii text NOT NULL,
    cbe   text NOT NULL,
    type  text NOT NULL,
    name  text NOT NULL
) WITHOUT ROWID;
CREATE INDEX organisation_cbe ON organisation (cbe);

CREATE TABLE affiliation (
    organisation_base text NOT NULL,
    organisation      text NOT NULL,
    ssin              text NOT NULL,
    role              text NOT NULL,
    valid_from        text NOT NULL,
    valid_to          text NOT NULL,
    PRIMARY KEY (ssin, organisation_base, role, valid_from)
) WITHOUT ROWID;

CREATE TABLE therapeutic_link (
    patient      text NOT NULL,
    professional text NOT NULL,
    type         text NOT NULL,
    valid_from   text NOT NULL,
    valid_to     text NOT NULL,
    PRIMARY KEY (patient, professional, type, valid_from)
) WITHOUT ROWID;
CREATE INDEX therapeutic_link_professional ON therapeutic_link (professional, patient, valid_from, valid_to);

CREATE TABLE mandate (
    grantor     text NOT NULL,
    grantee     text NOT NULL,
    service     text NOT NULL,
    accepted_on text NOT NULL,
    valid_from  text NOT NULL,
    valid_to    text NOT NULL,
    PRIMARY KEY (grantee, grantor, service, valid_from)
) WITHOUT ROWID;

CREATE TABLE device (
    code           text PRIMARY KEY,
    name           text NOT NULL,
    reference      text NOT NULL,
    manufacturer   text NOT NULL,
    distributor    text NOT NULL,
    classification text NOT NULL,
    category       text NOT NULL,
    udi_dis        text NOT NULL, -- in their order, one per line; device_udi finds by one of them
    status         text NOT NULL,
    valid_from     text NOT NULL,
    deleted_on     text NOT NULL
) WITHOUT ROWID;

CREATE TABLE device_udi (
    di   text NOT NULL,
    code text NOT NULL REFERENCES device (code),
    PRIMARY KEY (di, code)
) WITHOUT ROWID;
CREATE INDEX device_udi_code ON device_udi (code);

-- One row, with a new random mark after each load of the tables above: what is remembered of them is good under one mark.
CREATE TABLE source_mark (
    id   integer PRIMARY KEY CHECK (id = 1),
    mark text NOT NULL
);
INSERT INTO source_mark (id, mark) VALUES (1, '');

-- The register proper. From here on nothing is ever changed or deleted, unless a comment says otherwise.

CREATE TABLE notification (
    seq               integer PRIMARY KEY,
    reference         text NOT NULL,
    version           integer NOT NULL CHECK (version > 0),
    number            text NOT NULL,
    type              text NOT NULL,
    state             text NOT NULL,
    specialist_ssin   text NOT NULL,
    specialist_nihii  text NOT NULL,
    operation_date    text NOT NULL,
    patient_ssin      text NOT NULL,
    prescriber_ssin   text NOT NULL,
    prescriber_nihii  text NOT NULL,
    prescription_date text NOT NULL,
    comment           text NOT NULL,
    registered_at     text NOT NULL,
    digest            blob NOT NULL,
    signer            text NOT NULL,
    organisation      text NOT NULL,
    author            text NOT NULL,
    input_reference   text NOT NULL,
    content_digest    blob NOT NULL,
    CONSTRAINT notification_version UNIQUE (reference, version)
);
CREATE UNIQUE INDEX notification_number ON notification (number, version) WHERE number <> '';
CREATE INDEX notification_patient ON notification (patient_ssin, operation_date);
CREATE INDEX notification_specialist ON notification (specialist_ssin);

CREATE TABLE implant (
    id               text PRIMARY KEY,
    reference        text NOT NULL,
    version          integer NOT NULL,
    line             integer NOT NULL,
    code             text NOT NULL,
    udi              text NOT NULL,
    lot              text NOT NULL,
    serial           text NOT NULL,
    expiry           text NOT NULL,
    pharmacist_ssin  text NOT NULL,
    pharmacist_nihii text NOT NULL,
    pharmacy_nihii   text NOT NULL,
    pharmacy_cbe     text NOT NULL,
    delivery_date    text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    location         text NOT NULL,
    side             text NOT NULL,
    udi_di           text NOT NULL,
    unregistered     boolean NOT NULL,
    CONSTRAINT implant_line UNIQUE (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE INDEX implant_code ON implant (code) WHERE code <> '';
CREATE INDEX implant_lot ON implant (lot) WHERE lot <> '';
CREATE INDEX implant_serial ON implant (serial) WHERE serial <> '';

CREATE TABLE removal (
    reference      text NOT NULL,
    version        integer NOT NULL,
    line           integer NOT NULL,
    implant_id     text NOT NULL REFERENCES implant (id),
    quantity       integer NOT NULL CHECK (quantity > 0),
    reason         text NOT NULL,
    remaining      integer NOT NULL CHECK (remaining >= 0),
    operation_date text NOT NULL, -- as the notification's, so that what remained on a day is one look
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE INDEX removal_implant ON removal (implant_id);

CREATE TABLE warning (
    reference text NOT NULL,
    version   integer NOT NULL,
    line      integer NOT NULL,
    code      text NOT NULL,
    path      text NOT NULL,
    facts     text NOT NULL,
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);

CREATE TABLE submission (
    signer          text NOT NULL,
    input_reference text NOT NULL,
    reference       text NOT NULL,
    version         integer NOT NULL,
    CONSTRAINT submission_key PRIMARY KEY (signer, input_reference),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
) WITHOUT ROWID;

CREATE TABLE audit (
    seq          integer PRIMARY KEY,
    at           text NOT NULL,
    correlation  text NOT NULL,
    operation    text NOT NULL,
    outcome      text NOT NULL,
    codes        text NOT NULL,
    reason       text NOT NULL,
    signer       text NOT NULL,
    organisation text NOT NULL,
    person       text NOT NULL,
    capacity     text NOT NULL,
    patient      text NOT NULL,
    number       text NOT NULL
);

-- Messages that were used. A row goes once the message is too old to be let in anyway.
CREATE TABLE replay (
    key   blob PRIMARY KEY,
    until text NOT NULL
) WITHOUT ROWID;
CREATE INDEX replay_until ON replay (until);

-- The last running number of each day. The one writer changes it, once in each transaction that gives numbers.
CREATE TABLE number_counter (
    day     text PRIMARY KEY,
    running integer NOT NULL
) WITHOUT ROWID;

-- One row that is written to find out whether anything can be written.
CREATE TABLE readiness (
    id     integer PRIMARY KEY CHECK (id = 1),
    checks integer NOT NULL
);
INSERT INTO readiness (id, checks) VALUES (1, 0);

-- +goose StatementBegin
CREATE TRIGGER notification_no_update BEFORE UPDATE ON notification
BEGIN
    SELECT RAISE(ABORT, 'notification is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER notification_no_delete BEFORE DELETE ON notification
BEGIN
    SELECT RAISE(ABORT, 'notification is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER implant_no_update BEFORE UPDATE ON implant
BEGIN
    SELECT RAISE(ABORT, 'implant is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER implant_no_delete BEFORE DELETE ON implant
BEGIN
    SELECT RAISE(ABORT, 'implant is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER removal_no_update BEFORE UPDATE ON removal
BEGIN
    SELECT RAISE(ABORT, 'removal is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER removal_no_delete BEFORE DELETE ON removal
BEGIN
    SELECT RAISE(ABORT, 'removal is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER warning_no_update BEFORE UPDATE ON warning
BEGIN
    SELECT RAISE(ABORT, 'warning is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER warning_no_delete BEFORE DELETE ON warning
BEGIN
    SELECT RAISE(ABORT, 'warning is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER submission_no_update BEFORE UPDATE ON submission
BEGIN
    SELECT RAISE(ABORT, 'submission is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER submission_no_delete BEFORE DELETE ON submission
BEGIN
    SELECT RAISE(ABORT, 'submission is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
-- +goose StatementEnd
