-- +goose Up

-- A keyed hash over the other columns of a row that gives rights: who writes to the database cannot write a row that
-- counts. The program seals the rows that are there when it starts.
ALTER TABLE practice ADD COLUMN seal bytea NOT NULL DEFAULT '';
ALTER TABLE organisation ADD COLUMN seal bytea NOT NULL DEFAULT '';
ALTER TABLE affiliation ADD COLUMN seal bytea NOT NULL DEFAULT '';
ALTER TABLE therapeutic_link ADD COLUMN seal bytea NOT NULL DEFAULT '';
ALTER TABLE mandate ADD COLUMN seal bytea NOT NULL DEFAULT '';

-- For each of these tables: how often it was changed, how many rows it has, and the sum of keyed hashes of their seals.
-- A row that was removed, or set back to a former state of itself, shows here.
CREATE TABLE rights_total (
    name      text COLLATE "C" PRIMARY KEY,
    changes   bigint NOT NULL,
    row_count bigint NOT NULL,
    total     bytea NOT NULL,
    seal      bytea NOT NULL
);
