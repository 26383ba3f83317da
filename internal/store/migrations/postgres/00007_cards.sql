-- +goose Up

-- Signed cards, as they were handed out. A row without a state is the implant card of a version; others are patient
-- cards, under a keyed hash of what they say, with the newest version on them. A document says who the patient is, so
-- it is sealed with the patient's key, as evidence is.
CREATE TABLE card (
    reference text COLLATE "C" NOT NULL,
    version   integer NOT NULL,
    state     text COLLATE "C" NOT NULL,
    document  bytea NOT NULL, -- compressed (RFC 1951) before it was sealed
    CONSTRAINT card_key PRIMARY KEY (reference, version, state),
    FOREIGN KEY (reference, version) REFERENCES notification (reference, version)
);
CREATE TRIGGER card_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON card
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_unless_resealing();
CREATE TRIGGER card_seals_only BEFORE UPDATE OF reference, version, state
    ON card FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The key of the tokens in the QR codes of cards. It keeps strangers from trying numbers; whoever reads the database
-- needs no token. It is not a key of the key file, because cards outlive those. A random UUID has 122 random bits.
CREATE TABLE card_token_key (
    id     integer CONSTRAINT card_token_key_key PRIMARY KEY CHECK (id = 1),
    secret bytea NOT NULL
);
INSERT INTO card_token_key (id, secret)
    VALUES (1, decode(replace(CAST(gen_random_uuid() AS text) || CAST(gen_random_uuid() AS text), '-', ''), 'hex'));
CREATE TRIGGER card_token_key_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON card_token_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
