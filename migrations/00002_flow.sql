-- +goose Up
-- What the store keeps: flows and logins as they are now, and how far it has read the rings of the data plane.

-- The names of this product for numbers: a WWN with colons (empty for 0, which is not known), an FC_ID.
CREATE FUNCTION fcr_wwn(bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN $1 = 0 THEN '' ELSE regexp_replace(lpad(to_hex($1), 16, '0'), '(..)(?=.)', '\1:', 'g') END $$;
CREATE FUNCTION fcr_fc_id(bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT '0x' || lpad(to_hex($1), 6, '0') $$;

-- One direction of a flow in one life. (epoch, serial) names the life for ever: epoch is the content of the data plane's
-- segment, new at each cold start; counters of a life only go up. A row is replaced only by a later number (seq) of the
-- same ring.
CREATE TABLE flow (
    node_id        integer NOT NULL,
    epoch          bigint NOT NULL,
    serial         bigint NOT NULL,
    key            bigint NOT NULL,  -- fabric (4 bits), VSAN or VLAN (12), S_ID (24), D_ID (24)
    fabric         smallint NOT NULL,
    vsan           smallint NOT NULL,
    s_id           integer NOT NULL,
    d_id           integer NOT NULL,
    -- The key of the direction from the initiator, for both directions.
    pair           bigint NOT NULL GENERATED ALWAYS AS (CASE WHEN from_initiator THEN key
                       ELSE (key >> 48 << 48) | ((key & 16777215) << 24) | ((key >> 24) & 16777215) END) STORED,
    initiator      bigint NOT NULL,  -- WWPN, its bits as a signed number; 0 while unknown
    target         bigint NOT NULL,
    from_initiator boolean NOT NULL,
    in_port        text NOT NULL,
    action         text NOT NULL,    -- forward, redirect, mirror, drop
    rule           text NOT NULL,    -- empty: the default; #n: the n-th of a policy whose names are not known
    service        text NOT NULL,    -- empty: none
    state          text NOT NULL,    -- active, bypassed, blocked, ended
    generation     bigint NOT NULL,  -- of the configuration that the verdict is from
    created        timestamptz NOT NULL,
    last_seen      timestamptz NOT NULL,
    frames         bigint NOT NULL,
    bytes          bigint NOT NULL,
    errors         integer NOT NULL,
    shard          smallint NOT NULL,
    producer       smallint NOT NULL,
    seq            bigint NOT NULL,
    ended_at       timestamptz,      -- when it was written that it has ended; null: it lives
    -- What of the totals stands in flow_sample_1s: set by the transaction that writes the sample.
    sampled_frames bigint NOT NULL DEFAULT 0,
    sampled_bytes  bigint NOT NULL DEFAULT 0,
    sampled_errors integer NOT NULL DEFAULT 0,
    PRIMARY KEY (node_id, epoch, serial)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2);
-- No column that changes while a flow lives is in an index, so that an update touches none (HOT): ended_at changes once.
CREATE INDEX flow_live ON flow (node_id, epoch, pair) WHERE ended_at IS NULL;
CREATE INDEX flow_ended ON flow (node_id, ended_at) WHERE ended_at IS NOT NULL;

-- Flows that live, both directions together. The columns have the names of `fcrctl flow list -o json`.
CREATE VIEW flow_total AS
SELECT node_id, epoch, pair,
    ((pair >> 60) & 15)::integer AS fabric,
    ((pair >> 48) & 4095)::integer AS vsan,
    fcr_wwn(coalesce(max(nullif(initiator, 0)), 0)) AS initiator,
    fcr_fc_id((pair >> 24) & 16777215) AS initiator_id,
    fcr_wwn(coalesce(max(nullif(target, 0)), 0)) AS target,
    fcr_fc_id(pair & 16777215) AS target_id,
    -- Of the direction seen last.
    (array_agg(action ORDER BY last_seen DESC, from_initiator DESC))[1] AS verdict,
    (array_agg(rule ORDER BY last_seen DESC, from_initiator DESC))[1] AS rule,
    (array_agg(service ORDER BY last_seen DESC, from_initiator DESC))[1] AS service,
    coalesce(sum(frames) FILTER (WHERE from_initiator), 0)::bigint AS frames_to_target,
    coalesce(sum(frames) FILTER (WHERE NOT from_initiator), 0)::bigint AS frames_to_initiator,
    coalesce(sum(bytes) FILTER (WHERE from_initiator), 0)::bigint AS bytes_to_target,
    coalesce(sum(bytes) FILTER (WHERE NOT from_initiator), 0)::bigint AS bytes_to_initiator,
    sum(errors)::bigint AS errors,
    min(created) AS created,
    max(last_seen) AS last_seen
FROM flow WHERE ended_at IS NULL
GROUP BY node_id, epoch, pair;

-- The N_Ports that are logged in.
CREATE TABLE login (
    node_id     integer NOT NULL,
    fabric      smallint NOT NULL,
    vsan        smallint NOT NULL,
    fc_id       integer NOT NULL,
    wwpn        bigint NOT NULL,
    wwnn        bigint NOT NULL,   -- 0: not known
    mac         macaddr,
    port        text NOT NULL,     -- where its frames come in, empty while unknown
    role        text NOT NULL,     -- initiator, target, both, unknown
    functions   text[] NOT NULL,   -- claimed by PRLI
    state       text NOT NULL,
    how         text NOT NULL,     -- what its name was learnt from
    first_seen  timestamptz NOT NULL,
    last_seen   timestamptz NOT NULL,
    incarnation bigint NOT NULL,
    generation  bigint NOT NULL,   -- count of changed logins, the last change of this one included
    epoch       bigint NOT NULL,
    seq         bigint NOT NULL,
    PRIMARY KEY (node_id, fabric, vsan, fc_id)
) WITH (fillfactor = 50);

-- How far one shard of the store has read, and who may write for it. Every transaction of the store moves flush from the
-- number of the one before to its own: whoever is not the owner, or does not know the last number, writes nothing.
CREATE TABLE ring_cursor (
    node_id    integer NOT NULL,
    shard      smallint NOT NULL,
    owner      bigint NOT NULL,    -- drawn by chance by the instance that took the shard
    flush      bigint NOT NULL,
    epoch      bigint NOT NULL,    -- of the segment whose items seq counts
    seq        bigint[] NOT NULL,  -- per producer: the last item that is in the tables
    -- Rows of flows that ended without a word were marked as ended for so many starts of the data plane on this
    -- segment, and so many flows that it could not report. 0 boots: not yet.
    boots      bigint NOT NULL,
    unreported bigint NOT NULL,
    updated    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node_id, shard)
) WITH (fillfactor = 10);
