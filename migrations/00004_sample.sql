-- +goose Up
-- Samples: what was counted, where and when, as additive rows. The sum over any of them is what was counted there.
--
-- A row is written once and never changed; each level is made of the rows of the finer one:
--
--     flow_sample_1s --> flow_sample_1m --> flow_sample_1h        written by the store
--                    \-> group_sample_1m -> group_sample_1h       the same without the ends: small, for VSANs and policies
--     port_sample_1s --> port_sample_1m --> port_sample_1h        written by telemetry
--
-- None has a primary key. That a count stands here once is held by the transaction that writes it: it also moves what
-- says how far the writer is (flow.sampled_frames, port_total, sample_level). A unique index would be the largest part
-- of a sample's cost, and could refuse one when a clock steps back.

-- sample_tx numbers the transactions that write samples, sample_snapshot says which of them could be seen at a moment:
-- all below upto but those in open. With both, a rollup takes exactly what is new, however late and whatever its time.
-- A database that was restored into another cluster counts its transactions from the beginning; stats.Settle then
-- replaces both functions by ones with an offset, so that numbers go up for ever.
CREATE FUNCTION sample_tx() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT txid_current() + 0';
-- +goose StatementBegin
CREATE FUNCTION sample_snapshot(OUT upto bigint, OUT open bigint[]) LANGUAGE sql STABLE AS
'SELECT txid_snapshot_xmax(s) + 0, ARRAY(SELECT txid_snapshot_xip(s) + 0) FROM txid_current_snapshot() s';
-- +goose StatementEnd

-- One direction of a flow: what was counted since the sample before. (epoch, serial) is its life in table flow.
CREATE TABLE flow_sample_1s (
    node_id   integer NOT NULL,
    vsan      integer NOT NULL,
    at        timestamptz NOT NULL, -- when it was counted, not when it was written
    epoch     bigint NOT NULL,
    serial    bigint NOT NULL,
    initiator bigint NOT NULL,      -- WWPN, 0 while unknown
    target    bigint NOT NULL,
    frames    bigint NOT NULL,
    bytes     bigint NOT NULL,
    tx        bigint NOT NULL DEFAULT sample_tx(),
    errors    integer NOT NULL,
    in_port   text NOT NULL,
    rule      text NOT NULL,        -- empty: the default
    service   text NOT NULL         -- empty: none
) PARTITION BY RANGE (at);

-- at is the beginning of the minute or hour. A minute may have several rows of a flow, whose sum counts.
CREATE TABLE flow_sample_1m (
    node_id   integer NOT NULL,
    vsan      integer NOT NULL,
    at        timestamptz NOT NULL,
    epoch     bigint NOT NULL,
    serial    bigint NOT NULL,
    initiator bigint NOT NULL,
    target    bigint NOT NULL,
    frames    bigint NOT NULL,
    bytes     bigint NOT NULL,
    tx        bigint NOT NULL DEFAULT sample_tx(),
    errors    bigint NOT NULL,
    in_port   text NOT NULL,
    rule      text NOT NULL,
    service   text NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE flow_sample_1h (LIKE flow_sample_1m INCLUDING DEFAULTS) PARTITION BY RANGE (at);

CREATE TABLE group_sample_1m (
    node_id integer NOT NULL,
    vsan    integer NOT NULL,
    at      timestamptz NOT NULL,
    frames  bigint NOT NULL,
    bytes   bigint NOT NULL,
    errors  bigint NOT NULL,
    tx      bigint NOT NULL DEFAULT sample_tx(),
    in_port text NOT NULL,
    rule    text NOT NULL,
    service text NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE group_sample_1h (LIKE group_sample_1m INCLUDING DEFAULTS) PARTITION BY RANGE (at);

-- A port: what was counted in the span_us before at. After a time in which nothing could be written the span is long:
-- the counts are whole, and a rate is one over that span.
CREATE TABLE port_sample_1s (
    node_id       integer NOT NULL,
    at            timestamptz NOT NULL,
    boot          uuid NOT NULL,  -- of the data plane: counters begin anew with each
    span_us       bigint NOT NULL,
    frames_in     bigint NOT NULL,
    bytes_in      bigint NOT NULL,
    frames_out    bigint NOT NULL,
    bytes_out     bigint NOT NULL,
    drops         bigint NOT NULL, -- received here and dropped, for whatever reason
    stalled       bigint NOT NULL, -- not sent: the port took nothing for drop-timeout
    mirror_lost   bigint NOT NULL,
    device_errors bigint NOT NULL,
    pauses_in     bigint NOT NULL,
    pauses_out    bigint NOT NULL,
    tx            bigint NOT NULL DEFAULT sample_tx(),
    port          text NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE port_sample_1m (LIKE port_sample_1s INCLUDING DEFAULTS) PARTITION BY RANGE (at);
CREATE TABLE port_sample_1h (LIKE port_sample_1s INCLUDING DEFAULTS) PARTITION BY RANGE (at);

-- What finds no partition lies here, so that no clock can make a sample fail, and moves when its partition is made.
CREATE TABLE flow_sample_1s_else PARTITION OF flow_sample_1s DEFAULT;
CREATE TABLE flow_sample_1m_else PARTITION OF flow_sample_1m DEFAULT;
CREATE TABLE flow_sample_1h_else PARTITION OF flow_sample_1h DEFAULT;
CREATE TABLE group_sample_1m_else PARTITION OF group_sample_1m DEFAULT;
CREATE TABLE group_sample_1h_else PARTITION OF group_sample_1h DEFAULT;
CREATE TABLE port_sample_1s_else PARTITION OF port_sample_1s DEFAULT;
CREATE TABLE port_sample_1m_else PARTITION OF port_sample_1m DEFAULT;
CREATE TABLE port_sample_1h_else PARTITION OF port_sample_1h DEFAULT;

-- Rows lie in the order in which they were written, so a block range index finds times and transactions at no cost.
-- Of an initiator or target many rows share one key, which a B-tree stores once: 6 bytes a row.
CREATE INDEX ON flow_sample_1s USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON flow_sample_1m USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON flow_sample_1h USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON group_sample_1m USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON group_sample_1h USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON port_sample_1s USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON port_sample_1m USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON port_sample_1h USING brin (at, tx) WITH (pages_per_range = 32);
CREATE INDEX ON flow_sample_1s (node_id, initiator);
CREATE INDEX ON flow_sample_1s (node_id, target);
CREATE INDEX ON flow_sample_1m (node_id, initiator);
CREATE INDEX ON flow_sample_1m (node_id, target);
CREATE INDEX ON flow_sample_1h (node_id, initiator);
CREATE INDEX ON flow_sample_1h (node_id, target);

-- What of each port stands in port_sample_1s: absolute, moved by the transaction that writes the samples.
CREATE TABLE port_total (
    node_id       integer NOT NULL,
    boot          uuid NOT NULL,
    port          text NOT NULL,
    at            timestamptz NOT NULL,
    frames_in     bigint NOT NULL,
    bytes_in      bigint NOT NULL,
    frames_out    bigint NOT NULL,
    bytes_out     bigint NOT NULL,
    drops         bigint NOT NULL,
    stalled       bigint NOT NULL,
    mirror_lost   bigint NOT NULL,
    device_errors bigint NOT NULL,
    pauses_in     bigint NOT NULL,
    pauses_out    bigint NOT NULL,
    PRIMARY KEY (node_id, boot, port)
) WITH (fillfactor = 50);

-- What of a node's samples has gone into the next coarser level: transactions below upto but those in open. Samples
-- before floor were dropped by retention.
CREATE TABLE sample_level (
    node_id integer NOT NULL,
    level   text NOT NULL, -- flow_1s, flow_1m, flow_1h, group_1m...
    upto    bigint NOT NULL DEFAULT 0,
    open    bigint[] NOT NULL DEFAULT '{}',
    floor   timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    PRIMARY KEY (node_id, level)
) WITH (fillfactor = 50);

-- When somebody measured: without it, no rows could mean no traffic or nobody who looked.
CREATE TABLE sample_span (
    node_id integer NOT NULL,
    source  text NOT NULL, -- flow, port
    since   timestamptz NOT NULL,
    until   timestamptz NOT NULL,
    PRIMARY KEY (node_id, source, since)
) WITH (fillfactor = 50);

-- The clock by which retention drops: it follows the server's, but an hour a minute at most, so that one that steps
-- forward and back takes little along.
CREATE TABLE sample_clock (
    node_id integer PRIMARY KEY,
    at      timestamptz NOT NULL
);
