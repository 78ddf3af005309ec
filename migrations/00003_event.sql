-- +goose Up
-- The log of what happened, as the event role drains it from its spool. Nothing here is ever changed.
CREATE TABLE event (
    node_id  integer     NOT NULL,
    number   bigint      NOT NULL,
    at       timestamptz NOT NULL,
    type     integer     NOT NULL,
    name     text        NOT NULL,
    severity text        NOT NULL,
    epoch    bigint      NOT NULL,
    producer integer     NOT NULL,
    seq      bigint      NOT NULL,
    fields   jsonb       NOT NULL,
    PRIMARY KEY (node_id, number),
    CONSTRAINT event_origin UNIQUE (node_id, epoch, producer, seq)
);
CREATE INDEX event_type ON event (node_id, type, number);
CREATE INDEX event_at ON event USING brin (at);
COMMENT ON TABLE event IS 'What happened, in the order of the node''s log. Numbers have no gaps but those that an event log.lost explains.';
COMMENT ON COLUMN event.name IS 'Type in words, as flow.created.';
COMMENT ON COLUMN event.seq IS 'With epoch and producer: where the event comes from. It is here once.';

-- One row per node: how far the log is. It changes in the transaction that changes what it speaks of.
CREATE TABLE event_log (
    node_id integer     PRIMARY KEY,
    lineage bigint      NOT NULL,
    number  bigint      NOT NULL,
    cut     bigint      NOT NULL,
    updated timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
COMMENT ON COLUMN event_log.lineage IS 'Numbering of the spool that writes.';
COMMENT ON COLUMN event_log.number IS 'Of the last event.';
COMMENT ON COLUMN event_log.cut IS 'Events up to this number are gone: before the first one, or by retention. The tables view_..._base are as of then.';

-- What follows from the log, kept in the same transactions. number: the last event that had a part in the row.
CREATE TABLE view_dataplane (
    node_id    integer NOT NULL,
    epoch      bigint  NOT NULL,
    name       text,
    state      text,
    since      timestamptz,
    policy     text,
    generation bigint,
    starts     bigint  NOT NULL,
    number     bigint  NOT NULL,
    PRIMARY KEY (node_id, epoch)
);
COMMENT ON TABLE view_dataplane IS 'Contents of the segment: a cold start of the data plane makes another one. The one with the highest number is the current.';

CREATE TABLE view_flow (
    node_id        integer NOT NULL,
    epoch          bigint  NOT NULL,
    serial         bigint  NOT NULL,
    fabric         integer,
    vsan           integer,
    s_id           text,
    d_id           text,
    initiator      text,
    target         text,
    from_initiator boolean,
    in_port        text,
    verdict        text,
    rule           text,
    service        text,
    state          text,
    generation     bigint,
    frames         bigint,
    bytes          bigint,
    errors         bigint,
    created        timestamptz,
    last_seen      timestamptz,
    since          timestamptz,
    ended_at       timestamptz,
    changes        bigint  NOT NULL,
    failures       bigint  NOT NULL,
    number         bigint  NOT NULL,
    PRIMARY KEY (node_id, epoch, serial)
) WITH (fillfactor = 70);
COMMENT ON TABLE view_flow IS 'Lives of directions of flows. Totals are those of the last event, so final ones when state is ended.';

CREATE TABLE view_login (
    node_id    integer NOT NULL,
    epoch      bigint  NOT NULL,
    fabric     integer NOT NULL,
    vsan       integer NOT NULL,
    fc_id      text    NOT NULL,
    wwpn       text,
    wwnn       text,
    mac        text,
    port       text,
    role       text,
    state      text,
    since      timestamptz,
    first_seen timestamptz,
    last_seen  timestamptz,
    logins     bigint  NOT NULL,
    changes    bigint  NOT NULL,
    conflicts  bigint  NOT NULL,
    number     bigint  NOT NULL,
    PRIMARY KEY (node_id, epoch, fabric, vsan, fc_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE view_login IS 'Addresses and who has, or had, them. Of former epochs it is not known who is still logged in.';

CREATE TABLE view_port (
    node_id integer NOT NULL,
    name    text    NOT NULL,
    state   text,
    since   timestamptz,
    ups     bigint  NOT NULL,
    downs   bigint  NOT NULL,
    number  bigint  NOT NULL,
    PRIMARY KEY (node_id, name)
);

CREATE TABLE view_service (LIKE view_port INCLUDING ALL);

CREATE TABLE view_role (
    node_id  integer NOT NULL,
    role     text    NOT NULL,
    shard    bigint  NOT NULL,
    state    text,
    since    timestamptz,
    instance text,
    pid      bigint,
    version  text,
    error    text,
    starts   bigint  NOT NULL,
    failures bigint  NOT NULL,
    number   bigint  NOT NULL,
    PRIMARY KEY (node_id, role, shard)
);
COMMENT ON COLUMN view_role.error IS 'Of the last failure.';

CREATE TABLE view_alarm (
    node_id integer NOT NULL,
    code    text    NOT NULL,
    subject text    NOT NULL,
    level   text,
    title   text,
    detail  text,
    state   text,
    since   timestamptz,
    raises  bigint  NOT NULL,
    number  bigint  NOT NULL,
    PRIMARY KEY (node_id, code, subject)
);

CREATE TABLE view_dataplane_base (LIKE view_dataplane INCLUDING ALL);
CREATE TABLE view_flow_base (LIKE view_flow INCLUDING ALL);
CREATE TABLE view_login_base (LIKE view_login INCLUDING ALL);
CREATE TABLE view_port_base (LIKE view_port INCLUDING ALL);
CREATE TABLE view_service_base (LIKE view_service INCLUDING ALL);
CREATE TABLE view_role_base (LIKE view_role INCLUDING ALL);
CREATE TABLE view_alarm_base (LIKE view_alarm INCLUDING ALL);
