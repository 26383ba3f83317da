-- +goose Up

-- A keyed hash over the other columns of a row that gives rights: who writes to the database cannot write a row that
-- counts. The program seals the rows that are there when it starts.
ALTER TABLE practice ADD COLUMN seal blob NOT NULL DEFAULT x'';
ALTER TABLE organisation ADD COLUMN seal blob NOT NULL DEFAULT x'';
ALTER TABLE affiliation ADD COLUMN seal blob NOT NULL DEFAULT x'';
ALTER TABLE therapeutic_link ADD COLUMN seal blob NOT NULL DEFAULT x'';
ALTER TABLE mandate ADD COLUMN seal blob NOT NULL DEFAULT x'';

-- For each of these tables: how often it was changed, how many rows it has, and the sum of keyed hashes of their seals.
-- A row that was removed, or set back to a former state of itself, shows here.
CREATE TABLE rights_total (
    name      text PRIMARY KEY,
    changes   integer NOT NULL,
    row_count integer NOT NULL,
    total     blob NOT NULL,
    seal      blob NOT NULL
);
