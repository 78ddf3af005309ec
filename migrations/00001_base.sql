-- +goose Up
-- A node is one appliance. Its number leads the primary key of every other table, so that the same schema serves one
-- node, a fleet in one database, and a database distributed by node_id.
CREATE TABLE node (
    node_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63),
    created timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE node IS 'One row per appliance that writes here; its number leads every primary key.';
