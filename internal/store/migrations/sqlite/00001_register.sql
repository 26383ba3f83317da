-- +goose Up

-- Days are texts YYYY-MM-DD, instants texts YYYY-MM-DDTHH:MM:SS.ffffffZ in UTC, so both sort in time. What is not given is
-- the empty text.

-- Who the persons are. Everywhere else stands the id of a subject, or 0 for nobody. A subject is one number of a person;
-- person is the subject with the person's newest number. What is told about a person is sealed with a key that is sealed
-- here beside the number. The lookup is a hash of the number under a key of the key file, too.
CREATE TABLE subject (
    id     integer PRIMARY KEY,
    person integer NOT NULL,
    sealed blob NOT NULL,
    key_id text NOT NULL
);
CREATE INDEX subject_person ON subject (person);

CREATE TABLE subject_lookup (
    lookup  blob CONSTRAINT subject_lookup_key PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject (id)
) WITHOUT ROWID;

-- The keys of the key file under which subjects may be sealed, and the one under which they are sealed now. The proof tells
-- whether a key of the file is the one that went by this name.
CREATE TABLE sealing_key (
    id    text PRIMARY KEY,
    proof blob NOT NULL
) WITHOUT ROWID;
CREATE TABLE current_key (
    id     integer PRIMARY KEY CHECK (id = 1),
    key_id text NOT NULL
);

CREATE TABLE person (
    subject integer PRIMARY KEY,
    sealed  blob NOT NULL -- names and dates of birth and death
);

CREATE TABLE practice (
    subject    integer NOT NULL,
    nihii      text NOT NULL,
    nihii_base text NOT NULL, -- the first eight digits name the holder, the last three a qualification
    profession text NOT NULL,
    speciality text NOT NULL,
    valid_from text NOT NULL,
    valid_to   text NOT NULL,
    PRIMARY KEY (subject, nihii, profession, valid_from)
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
    subject           integer NOT NULL,
    role              text NOT NULL,
    valid_from        text NOT NULL,
    valid_to          text NOT NULL,
    PRIMARY KEY (subject, organisation_base, role, valid_from)
) WITHOUT ROWID;
CREATE INDEX affiliation_organisation ON affiliation (organisation_base, subject, role, valid_from);

CREATE TABLE therapeutic_link (
    patient      integer NOT NULL,
    professional integer NOT NULL,
    type         text NOT NULL,
    valid_from   text NOT NULL,
    valid_to     text NOT NULL,
    PRIMARY KEY (patient, professional, type, valid_from)
) WITHOUT ROWID;
CREATE INDEX therapeutic_link_professional ON therapeutic_link (professional, patient, valid_from, valid_to);

CREATE TABLE mandate (
    grantor     integer NOT NULL,
    grantee     integer NOT NULL,
    service     text NOT NULL,
    accepted_on text NOT NULL,
    valid_from  text NOT NULL,
    valid_to    text NOT NULL,
    PRIMARY KEY (grantee, grantor, service, valid_from)
) WITHOUT ROWID;
CREATE INDEX mandate_grantor ON mandate (grantor);

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
    deleted_on     text NOT NULL,
    search_text    text NOT NULL -- what a search looks at, in small letters
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
    change            text NOT NULL, -- what made this version
    change_reason     blob NOT NULL,
    specialist        integer NOT NULL,
    specialist_nihii  text NOT NULL,
    operation_date    text NOT NULL,
    patient           integer NOT NULL,
    prescriber        integer NOT NULL,
    prescriber_nihii  text NOT NULL,
    prescription_date text NOT NULL,
    comment           blob NOT NULL,
    registered_at     text NOT NULL,
    digest            blob NOT NULL,
    signer            text NOT NULL,
    organisation      text NOT NULL,
    author            integer NOT NULL,
    input_reference   text NOT NULL,
    content_digest    blob NOT NULL,
    CONSTRAINT notification_version UNIQUE (reference, version)
);
CREATE UNIQUE INDEX notification_number ON notification (number, version) WHERE number <> '';
CREATE INDEX notification_patient ON notification (patient, operation_date);
CREATE INDEX notification_specialist ON notification (specialist);

-- The notifications that wait to become final, as their newest versions name those who may be waited for. A row goes when
-- the notification becomes final or is discarded.
CREATE TABLE pending (
    reference    text PRIMARY KEY,
    specialist   integer NOT NULL,
    author       integer NOT NULL,
    organisation text NOT NULL
) WITHOUT ROWID;
CREATE INDEX pending_specialist ON pending (specialist);
CREATE INDEX pending_author ON pending (author);
CREATE INDEX pending_organisation ON pending (organisation);

CREATE TABLE implant (
    id               text NOT NULL, -- the same in every version of the notification that has the line
    reference        text NOT NULL,
    version          integer NOT NULL,
    line             integer NOT NULL,
    code             text NOT NULL,
    udi              text NOT NULL,
    lot              text NOT NULL,
    serial           text NOT NULL,
    expiry           text NOT NULL,
    pharmacist       integer NOT NULL,
    pharmacist_nihii text NOT NULL,
    pharmacy_nihii   text NOT NULL,
    pharmacy_cbe     text NOT NULL,
    delivery_date    text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    location         blob NOT NULL,
    side             text NOT NULL,
    udi_di           text NOT NULL,
    unregistered     boolean NOT NULL,
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE INDEX implant_id ON implant (id);
CREATE INDEX implant_code ON implant (code, udi_di) WHERE code <> '';
CREATE INDEX implant_lot ON implant (lot) WHERE lot <> '';
CREATE INDEX implant_serial ON implant (serial) WHERE serial <> '';
CREATE INDEX implant_udi_di ON implant (udi_di) WHERE udi_di <> '';

CREATE TABLE removal (
    reference      text NOT NULL,
    version        integer NOT NULL,
    line           integer NOT NULL,
    implant_id     text NOT NULL,
    quantity       integer NOT NULL CHECK (quantity >= 0), -- 0: all that remains, as long as it waits to become final
    reason         blob NOT NULL,
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

-- The signed message that made a version, and the certificate that signed it, both sealed with the patient's key.
CREATE TABLE evidence (
    reference   text NOT NULL,
    version     integer NOT NULL,
    message     blob NOT NULL, -- compressed (RFC 1951) before it was sealed
    certificate blob NOT NULL,
    accepted    text NOT NULL,
    PRIMARY KEY (reference, version),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);

CREATE TABLE audit (
    seq          integer PRIMARY KEY,
    at           text NOT NULL,
    correlation  text NOT NULL,
    operation    text NOT NULL,
    outcome      text NOT NULL,
    codes        text NOT NULL,
    reason       text NOT NULL,
    emergency    blob NOT NULL,
    signer       text NOT NULL,
    organisation text NOT NULL,
    person       integer NOT NULL,
    capacity     text NOT NULL,
    patient      integer NOT NULL,
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
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence is append-only');
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
