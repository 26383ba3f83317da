-- +goose Up

-- Days are texts YYYY-MM-DD, so they sort in time in the collation "C". What is not given is the empty text.

-- Who the persons are. Everywhere else stands the id of a subject, or 0 for nobody. A subject is one number of a person;
-- person is the subject with the person's newest number. What is told about a person is sealed with a key that is sealed
-- here beside the number. The lookup is a hash of the number under a key of the key file, too.
CREATE TABLE subject (
    id     bigint PRIMARY KEY,
    person bigint NOT NULL,
    sealed bytea NOT NULL,
    key_id text COLLATE "C" NOT NULL
);
CREATE INDEX subject_person ON subject (person);

CREATE TABLE subject_lookup (
    lookup  bytea CONSTRAINT subject_lookup_key PRIMARY KEY,
    subject bigint NOT NULL REFERENCES subject (id)
);

-- The keys of the key file under which subjects may be sealed, and the one under which they are sealed now. The proof tells
-- whether a key of the file is the one that went by this name.
CREATE TABLE sealing_key (
    id    text COLLATE "C" PRIMARY KEY,
    proof bytea NOT NULL
);
CREATE TABLE current_key (
    id     integer PRIMARY KEY CHECK (id = 1),
    key_id text COLLATE "C" NOT NULL
);
CREATE SEQUENCE subject_id;

CREATE TABLE person (
    subject bigint PRIMARY KEY,
    sealed  bytea NOT NULL -- names and dates of birth and death
);

CREATE TABLE practice (
    subject    bigint NOT NULL,
    nihii      text COLLATE "C" NOT NULL,
    nihii_base text COLLATE "C" NOT NULL, -- the first eight digits name the holder, the last three a qualification
    profession text COLLATE "C" NOT NULL,
    speciality text COLLATE "C" NOT NULL,
    valid_from text COLLATE "C" NOT NULL,
    valid_to   text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, nihii, profession, valid_from)
);
CREATE INDEX practice_nihii ON practice (nihii_base);

CREATE TABLE organisation (
    id    text COLLATE "C" PRIMARY KEY, -- the first eight digits of the NIHII number, or the CBE number where there is none
    nihii text COLLATE "C" NOT NULL,
    cbe   text COLLATE "C" NOT NULL,
    type  text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL
);
CREATE INDEX organisation_cbe ON organisation (cbe);

CREATE TABLE affiliation (
    organisation_base text COLLATE "C" NOT NULL,
    organisation      text COLLATE "C" NOT NULL,
    subject           bigint NOT NULL,
    role              text COLLATE "C" NOT NULL,
    valid_from        text COLLATE "C" NOT NULL,
    valid_to          text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, organisation_base, role, valid_from)
);
CREATE INDEX affiliation_organisation ON affiliation (organisation_base, subject, role, valid_from);

CREATE TABLE therapeutic_link (
    patient      bigint NOT NULL,
    professional bigint NOT NULL,
    type         text COLLATE "C" NOT NULL,
    valid_from   text COLLATE "C" NOT NULL,
    valid_to     text COLLATE "C" NOT NULL,
    PRIMARY KEY (patient, professional, type, valid_from)
);
CREATE INDEX therapeutic_link_professional ON therapeutic_link (professional, patient, valid_from, valid_to);

CREATE TABLE mandate (
    grantor     bigint NOT NULL,
    grantee     bigint NOT NULL,
    service     text COLLATE "C" NOT NULL,
    accepted_on text COLLATE "C" NOT NULL,
    valid_from  text COLLATE "C" NOT NULL,
    valid_to    text COLLATE "C" NOT NULL,
    PRIMARY KEY (grantee, grantor, service, valid_from)
);
CREATE INDEX mandate_grantor ON mandate (grantor);

CREATE TABLE device (
    code           text COLLATE "C" PRIMARY KEY,
    name           text COLLATE "C" NOT NULL,
    reference      text COLLATE "C" NOT NULL,
    manufacturer   text COLLATE "C" NOT NULL,
    distributor    text COLLATE "C" NOT NULL,
    classification text COLLATE "C" NOT NULL,
    category       text COLLATE "C" NOT NULL,
    udi_dis        text COLLATE "C" NOT NULL, -- in their order, one per line; device_udi finds by one of them
    status         text COLLATE "C" NOT NULL,
    valid_from     text COLLATE "C" NOT NULL,
    deleted_on     text COLLATE "C" NOT NULL,
    search_text    text COLLATE "C" NOT NULL -- what a search looks at, in small letters
);

CREATE TABLE device_udi (
    di   text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL REFERENCES device (code),
    PRIMARY KEY (di, code)
);
CREATE INDEX device_udi_code ON device_udi (code);

-- One row, with a new random mark after each load of the tables above: what is remembered of them is good under one mark.
CREATE TABLE source_mark (
    id   integer PRIMARY KEY CHECK (id = 1),
    mark text COLLATE "C" NOT NULL
);
INSERT INTO source_mark (id, mark) VALUES (1, '');

-- The register proper. From here on nothing is ever changed or deleted, unless a comment says otherwise.

CREATE TABLE notification (
    seq               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference         text COLLATE "C" NOT NULL,
    version           integer NOT NULL CHECK (version > 0),
    number            text COLLATE "C" NOT NULL,
    type              text COLLATE "C" NOT NULL,
    state             text COLLATE "C" NOT NULL,
    change            text COLLATE "C" NOT NULL, -- what made this version
    change_reason     bytea NOT NULL,
    specialist        bigint NOT NULL,
    specialist_nihii  text COLLATE "C" NOT NULL,
    operation_date    text COLLATE "C" NOT NULL,
    patient           bigint NOT NULL,
    prescriber        bigint NOT NULL,
    prescriber_nihii  text COLLATE "C" NOT NULL,
    prescription_date text COLLATE "C" NOT NULL,
    comment           bytea NOT NULL,
    registered_at     timestamptz NOT NULL,
    digest            bytea NOT NULL,
    signer            text COLLATE "C" NOT NULL,
    organisation      text COLLATE "C" NOT NULL,
    author            bigint NOT NULL,
    input_reference   text COLLATE "C" NOT NULL,
    content_digest    bytea NOT NULL,
    CONSTRAINT notification_version UNIQUE (reference, version)
);
CREATE UNIQUE INDEX notification_number ON notification (number, version) WHERE number <> '';
CREATE INDEX notification_patient ON notification (patient, operation_date);
CREATE INDEX notification_specialist ON notification (specialist);

-- The notifications that wait to become final, as their newest versions name those who may be waited for. A row goes when
-- the notification becomes final or is discarded.
CREATE TABLE pending (
    reference    text COLLATE "C" PRIMARY KEY,
    specialist   bigint NOT NULL,
    author       bigint NOT NULL,
    organisation text COLLATE "C" NOT NULL
);
CREATE INDEX pending_specialist ON pending (specialist);
CREATE INDEX pending_author ON pending (author);
CREATE INDEX pending_organisation ON pending (organisation);

CREATE TABLE implant (
    id               text COLLATE "C" NOT NULL, -- the same in every version of the notification that has the line
    reference        text COLLATE "C" NOT NULL,
    version          integer NOT NULL,
    line             integer NOT NULL,
    code             text COLLATE "C" NOT NULL,
    udi              text COLLATE "C" NOT NULL,
    lot              text COLLATE "C" NOT NULL,
    serial           text COLLATE "C" NOT NULL,
    expiry           text COLLATE "C" NOT NULL,
    pharmacist       bigint NOT NULL,
    pharmacist_nihii text COLLATE "C" NOT NULL,
    pharmacy_nihii   text COLLATE "C" NOT NULL,
    pharmacy_cbe     text COLLATE "C" NOT NULL,
    delivery_date    text COLLATE "C" NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    location         bytea NOT NULL,
    side             text COLLATE "C" NOT NULL,
    udi_di           text COLLATE "C" NOT NULL,
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
    reference      text COLLATE "C" NOT NULL,
    version        integer NOT NULL,
    line           integer NOT NULL,
    implant_id     text COLLATE "C" NOT NULL,
    quantity       integer NOT NULL CHECK (quantity >= 0), -- 0: all that remains, as long as it waits to become final
    reason         bytea NOT NULL,
    remaining      integer NOT NULL CHECK (remaining >= 0),
    operation_date text COLLATE "C" NOT NULL, -- as the notification's, so that what remained on a day is one look
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE INDEX removal_implant ON removal (implant_id);

CREATE TABLE warning (
    reference text COLLATE "C" NOT NULL,
    version   integer NOT NULL,
    line      integer NOT NULL,
    code      text COLLATE "C" NOT NULL,
    path      text COLLATE "C" NOT NULL,
    facts     text COLLATE "C" NOT NULL,
    PRIMARY KEY (reference, version, line),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);

CREATE TABLE submission (
    signer          text COLLATE "C" NOT NULL,
    input_reference text COLLATE "C" NOT NULL,
    reference       text COLLATE "C" NOT NULL,
    version         integer NOT NULL,
    CONSTRAINT submission_key PRIMARY KEY (signer, input_reference),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);

-- The signed message that made a version, and the certificate that signed it, both sealed with the patient's key.
CREATE TABLE evidence (
    reference   text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    message     bytea NOT NULL, -- compressed (RFC 1951) before it was sealed
    certificate bytea NOT NULL,
    accepted    timestamptz NOT NULL,
    PRIMARY KEY (reference, version),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);

CREATE TABLE audit (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    correlation  text COLLATE "C" NOT NULL,
    operation    text COLLATE "C" NOT NULL,
    outcome      text COLLATE "C" NOT NULL,
    codes        text COLLATE "C" NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    emergency    bytea NOT NULL,
    signer       text COLLATE "C" NOT NULL,
    organisation text COLLATE "C" NOT NULL,
    person       bigint NOT NULL,
    capacity     text COLLATE "C" NOT NULL,
    patient      bigint NOT NULL,
    number       text COLLATE "C" NOT NULL
);

-- Messages that were used. A row goes once the message is too old to be let in anyway. The attempt tells a transaction
-- whose answer to COMMIT was lost whether it was the one that used the message.
CREATE TABLE replay (
    key     bytea CONSTRAINT replay_key PRIMARY KEY,
    until   timestamptz NOT NULL,
    attempt bytea NOT NULL
);
CREATE INDEX replay_until ON replay (until);

-- Running numbers come from one sequence, which no transaction waits for. Each day starts from the value that the
-- sequence had at its first use on that day.
CREATE SEQUENCE running_number;
CREATE TABLE number_counter (
    day  text COLLATE "C" PRIMARY KEY,
    base bigint NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER notification_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notification
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER implant_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON implant
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER removal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON removal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER warning_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON warning
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER submission_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON submission
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
