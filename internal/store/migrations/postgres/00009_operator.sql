-- +goose Up

-- The recalls that an operator follows until every responsible specialist is informed. The criteria are those of the
-- search, as a form encodes them; which implants they select is computed anew each time. A specialist without a row in
-- recall_notice is still to be informed.
CREATE TABLE recall (
    id         text COLLATE "C" CONSTRAINT recall_key PRIMARY KEY,
    started_at timestamptz NOT NULL,
    person     bigint NOT NULL, -- who follows it
    criteria   text COLLATE "C" NOT NULL
);
CREATE INDEX recall_started ON recall (started_at);

CREATE TABLE recall_notice (
    recall     text COLLATE "C" NOT NULL REFERENCES recall (id),
    specialist text COLLATE "C" NOT NULL, -- NIHII number
    state      text COLLATE "C" NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT recall_notice_key PRIMARY KEY (recall, specialist)
);

-- The events of the audit log that an operator reviewed, each with the newest event that says so.
CREATE TABLE audit_review (
    seq    bigint CONSTRAINT audit_review_key PRIMARY KEY,
    review bigint NOT NULL
);
