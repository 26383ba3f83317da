-- +goose Up

ALTER TABLE device ADD COLUMN recalled_on text COLLATE "C" NOT NULL DEFAULT '';

-- What was brought in from the authentic sources, when. docs/imports.md says what the columns hold.
CREATE TABLE source_version (
    id        bigint PRIMARY KEY,
    kind      text COLLATE "C" NOT NULL,
    name      text COLLATE "C" NOT NULL,
    sequence  bigint NOT NULL, -- 0 where the source numbers nothing
    form      text COLLATE "C" NOT NULL,
    day       text COLLATE "C" NOT NULL,
    row_count bigint NOT NULL,
    digest    bytea NOT NULL,
    loaded_at timestamptz NOT NULL
);
CREATE INDEX source_version_kind ON source_version (kind, id);

CREATE TRIGGER source_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON source_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Rows of an import that is under way. Nothing else reads them; one transaction moves all of them into device and device_udi.
CREATE TABLE device_staged (
    staging        text COLLATE "C" NOT NULL,
    code           text COLLATE "C" NOT NULL,
    name           text COLLATE "C" NOT NULL,
    reference      text COLLATE "C" NOT NULL,
    manufacturer   text COLLATE "C" NOT NULL,
    distributor    text COLLATE "C" NOT NULL,
    classification text COLLATE "C" NOT NULL,
    category       text COLLATE "C" NOT NULL,
    udi_dis        text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL,
    valid_from     text COLLATE "C" NOT NULL,
    deleted_on     text COLLATE "C" NOT NULL,
    recalled_on    text COLLATE "C" NOT NULL,
    search_text    text COLLATE "C" NOT NULL,
    PRIMARY KEY (staging, code)
);

CREATE TABLE device_udi_staged (
    staging text COLLATE "C" NOT NULL,
    di      text COLLATE "C" NOT NULL,
    code    text COLLATE "C" NOT NULL,
    PRIMARY KEY (staging, di, code)
);
