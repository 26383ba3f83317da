-- +goose Up

ALTER TABLE device ADD COLUMN recalled_on text NOT NULL DEFAULT '';

-- What was brought in from the authentic sources, when. docs/imports.md says what the columns hold.
CREATE TABLE source_version (
    id        integer PRIMARY KEY,
    kind      text NOT NULL,
    name      text NOT NULL,
    sequence  integer NOT NULL, -- 0 where the source numbers nothing
    form      text NOT NULL,
    day       text NOT NULL,
    row_count integer NOT NULL,
    digest    blob NOT NULL,
    loaded_at text NOT NULL
);
CREATE INDEX source_version_kind ON source_version (kind, id);

-- +goose StatementBegin
CREATE TRIGGER source_version_no_update BEFORE UPDATE ON source_version
BEGIN
    SELECT RAISE(ABORT, 'source_version is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER source_version_no_delete BEFORE DELETE ON source_version
BEGIN
    SELECT RAISE(ABORT, 'source_version is append-only');
END;
-- +goose StatementEnd

-- Rows of an import that is under way. Nothing else reads them; one transaction moves all of them into device and device_udi.
CREATE TABLE device_staged (
    staging        text NOT NULL,
    code           text NOT NULL,
    name           text NOT NULL,
    reference      text NOT NULL,
    manufacturer   text NOT NULL,
    distributor    text NOT NULL,
    classification text NOT NULL,
    category       text NOT NULL,
    udi_dis        text NOT NULL,
    status         text NOT NULL,
    valid_from     text NOT NULL,
    deleted_on     text NOT NULL,
    recalled_on    text NOT NULL,
    search_text    text NOT NULL,
    PRIMARY KEY (staging, code)
) WITHOUT ROWID;

CREATE TABLE device_udi_staged (
    staging text NOT NULL,
    di      text NOT NULL,
    code    text NOT NULL,
    PRIMARY KEY (staging, di, code)
) WITHOUT ROWID;
