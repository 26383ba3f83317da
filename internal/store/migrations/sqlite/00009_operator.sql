-- +goose Up

-- The recalls that an operator follows until every responsible specialist is informed. The criteria are those of the
-- search, as a form encodes them; which implants they select is computed anew each time. A specialist without a row in
-- recall_notice is still to be informed.
CREATE TABLE recall (
    id         text PRIMARY KEY,
    started_at text NOT NULL,
    person     integer NOT NULL, -- who follows it
    criteria   text NOT NULL
) WITHOUT ROWID;
CREATE INDEX recall_started ON recall (started_at);

CREATE TABLE recall_notice (
    recall     text NOT NULL REFERENCES recall (id),
    specialist text NOT NULL, -- NIHII number
    state      text NOT NULL,
    changed_at text NOT NULL,
    PRIMARY KEY (recall, specialist)
) WITHOUT ROWID;

-- The events of the audit log that an operator reviewed, each with the newest event that says so.
CREATE TABLE audit_review (
    seq    integer PRIMARY KEY,
    review integer NOT NULL
);
