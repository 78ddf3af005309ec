-- +goose Up
-- The history of the configuration: every revision that was applied here or found at the data plane, with its document.
-- The node's own file (mgmt/settings) has the last ones; this is where all of them are.
CREATE TABLE revision (
    node_id   integer NOT NULL REFERENCES node,
    revision  bigint NOT NULL CHECK (revision > 0),
    document  text NOT NULL,        -- SHA-256 of the text; empty: it is not known
    base      bigint NOT NULL,      -- the revision that it was made from
    author    text NOT NULL,
    note      text NOT NULL,
    ticket    text NOT NULL,
    applied   timestamptz NOT NULL,
    window_ms bigint NOT NULL,      -- in which it had to be confirmed; 0: at once
    outcome   text NOT NULL CHECK (outcome IN ('applying', 'window', 'confirmed', 'reverted', 'expired', 'failed', 'adopted')),
    settled   timestamptz,
    settler   text NOT NULL,        -- who confirmed or reverted it
    why       text NOT NULL,
    body      text,                 -- the YAML text; null: it was gone when the database got the revision
    PRIMARY KEY (node_id, revision)
);
COMMENT ON TABLE revision IS 'Every configuration that was applied, with its text and what came of it.';
