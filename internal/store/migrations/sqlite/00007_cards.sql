-- +goose Up

-- Signed cards, as they were handed out. A row without a state is the implant card of a version; others are patient
-- cards, under a keyed hash of what they say, with the newest version on them. A document says who the patient is, so
-- it is sealed with the patient's key, as evidence is.
CREATE TABLE card (
    reference text NOT NULL,
    version   integer NOT NULL,
    state     text NOT NULL,
    document  blob NOT NULL, -- compressed (RFC 1951) before it was sealed
    PRIMARY KEY (reference, version, state),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
-- +goose StatementBegin
CREATE TRIGGER card_no_update BEFORE UPDATE ON card WHEN NOT EXISTS (SELECT 1 FROM resealing)
BEGIN
    SELECT RAISE(ABORT, 'card is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER card_seals_only BEFORE UPDATE OF reference, version, state ON card
BEGIN
    SELECT RAISE(ABORT, 'card is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER card_no_delete BEFORE DELETE ON card
BEGIN
    SELECT RAISE(ABORT, 'card is append-only');
END;
-- +goose StatementEnd

-- The key of the tokens in the QR codes of cards. It keeps strangers from trying numbers; whoever reads the database
-- needs no token. It is not a key of the key file, because cards outlive those.
CREATE TABLE card_token_key (
    id     integer PRIMARY KEY CHECK (id = 1),
    secret blob NOT NULL
);
INSERT INTO card_token_key (id, secret) VALUES (1, randomblob(32));
-- +goose StatementBegin
CREATE TRIGGER card_token_key_no_update BEFORE UPDATE ON card_token_key
BEGIN
    SELECT RAISE(ABORT, 'card_token_key is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER card_token_key_no_delete BEFORE DELETE ON card_token_key
BEGIN
    SELECT RAISE(ABORT, 'card_token_key is append-only');
END;
-- +goose StatementEnd
