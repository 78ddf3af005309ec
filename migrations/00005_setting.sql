-- +goose Up
-- Settings: what admins set that is not traffic: accounts, tokens, revisions, aliases. The node's own file
-- (mgmt/settings) decides; this is where others read them, and where a new machine gets them back from.
CREATE TABLE setting (
    node_id integer NOT NULL REFERENCES node,
    kind    text    NOT NULL,
    name    text    NOT NULL,
    version bigint  NOT NULL CHECK (version > 0),
    body    json    NOT NULL,
    PRIMARY KEY (node_id, kind, name)
);
COMMENT ON TABLE setting IS 'Small records that admins set. No clear-text secret stands here; what must not leave the machine is not here at all.';

CREATE TABLE setting_head (
    node_id  integer NOT NULL PRIMARY KEY REFERENCES node,
    revision bigint  NOT NULL,
    lineage  text    NOT NULL
);
COMMENT ON TABLE setting_head IS 'The revision that table setting stands at, and the name of the file whose revisions these are.';
