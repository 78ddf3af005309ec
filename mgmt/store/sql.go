package store

// The statements that a flush is made of. Arrays instead of rows: one statement has one plan whatever its size.

const updateCounts = `UPDATE flow f SET last_seen = i.seen, frames = i.frames, bytes = i.bytes, errors = i.errors, seq = i.seq,
	sampled_frames = CASE WHEN i.sampled THEN i.frames ELSE f.sampled_frames END,
	sampled_bytes = CASE WHEN i.sampled THEN i.bytes ELSE f.sampled_bytes END,
	sampled_errors = CASE WHEN i.sampled THEN i.errors ELSE f.sampled_errors END
FROM unnest($3::bigint[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[], $9::boolean[])
	AS i (serial, seen, frames, bytes, errors, seq, sampled)
WHERE f.node_id = $1 AND f.epoch = $2 AND f.serial = i.serial AND f.seq < i.seq`

// Names that are not known any more (#n) do not replace those of the same configuration that are in the row.
const upsertFlows = `INSERT INTO flow AS f (node_id, epoch, shard, serial, key, fabric, vsan, s_id, d_id, initiator, target, from_initiator,
	in_port, action, rule, service, state, generation, created, last_seen, frames, bytes, errors, producer, seq, ended_at)
SELECT $1, $2, $3, serial, key, (key >> 60) & 15, (key >> 48) & 4095, (key >> 24) & 16777215, key & 16777215, initiator, target, from_initiator,
	in_port, action, rule, service, state, generation, created, last_seen, frames, bytes, errors, producer, seq, ended_at
FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::boolean[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
	$14::bigint[], $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::bigint[], $19::integer[], $20::smallint[], $21::bigint[], $22::timestamptz[])
	AS i (serial, key, initiator, target, from_initiator, in_port, action, rule, service, state,
	generation, created, last_seen, frames, bytes, errors, producer, seq, ended_at)
ON CONFLICT (node_id, epoch, serial) DO UPDATE SET initiator = excluded.initiator, target = excluded.target,
	from_initiator = excluded.from_initiator, in_port = excluded.in_port, action = excluded.action,
	rule = CASE WHEN excluded.rule LIKE '#%' AND excluded.generation = f.generation THEN f.rule ELSE excluded.rule END,
	service = CASE WHEN excluded.service LIKE '#%' AND excluded.generation = f.generation THEN f.service ELSE excluded.service END,
	state = excluded.state, generation = excluded.generation, last_seen = excluded.last_seen, frames = excluded.frames,
	bytes = excluded.bytes, errors = excluded.errors, producer = excluded.producer, seq = excluded.seq, ended_at = excluded.ended_at
WHERE f.seq < excluded.seq`

// What has no sample yet is read from the rows themselves, so that the sum holds whatever we know. The rows are found again
// by their place: by the key the planner, which takes a table without statistics for a small one, compared each of these
// with each of the epoch, and a statement took 10 s.
const sampleLateFlows = `WITH s AS (SELECT f.ctid AS place, f.* FROM unnest($3::bigint[]) AS i (serial) JOIN flow f ON f.node_id = $1 AND f.epoch = $2 AND f.serial = i.serial),
u AS (UPDATE flow f SET sampled_frames = s.frames, sampled_bytes = s.bytes, sampled_errors = s.errors FROM s
	WHERE f.ctid = s.place
	AND (s.frames, s.bytes, s.errors) IS DISTINCT FROM (s.sampled_frames, s.sampled_bytes, s.sampled_errors)),
w AS (INSERT INTO flow_sample_1s (node_id, vsan, at, epoch, serial, initiator, target, frames, bytes, errors, in_port, rule, service)
	SELECT node_id, vsan, $4, epoch, serial, initiator, target, frames - sampled_frames, bytes - sampled_bytes, errors - sampled_errors,
	in_port, rule, service FROM s
	WHERE (s.frames, s.bytes, s.errors) IS DISTINCT FROM (s.sampled_frames, s.sampled_bytes, s.sampled_errors))
SELECT serial, frames, bytes, errors FROM s`

// Looks at the next rows of the node in the order of the primary key. Those that live though their data plane does not
// know them have ended: rows of another epoch, and rows that were not offered again. Of lives in other epochs what was not
// sampled is sampled now, with the time at which it was counted. Each row belongs to one shard, since two that sample it
// at the same time would count it twice; the first has those of shards that are no more.
const sweepFlows = `WITH s AS (SELECT ctid AS place, * FROM flow WHERE node_id = $1 AND (epoch, serial) > ($2, $3) ORDER BY epoch, serial LIMIT $4),
m AS (SELECT * FROM s WHERE shard = $6 OR $6 = 0 AND shard >= $8),
e AS (SELECT place, epoch FROM m WHERE ended_at IS NULL AND (epoch <> $5 OR seq <= ($7::bigint[])[producer + 1])),
d AS (SELECT * FROM m WHERE epoch <> $5
	AND (frames, bytes, errors) IS DISTINCT FROM (sampled_frames, sampled_bytes, sampled_errors)),
u AS (UPDATE flow f SET sampled_frames = frames, sampled_bytes = bytes, sampled_errors = errors,
	ended_at = coalesce(ended_at, now()), state = 'ended'
	FROM (SELECT place FROM e WHERE epoch <> $5 UNION SELECT place FROM d) o WHERE f.ctid = o.place),
v AS (UPDATE flow f SET ended_at = now(), state = 'ended' FROM e WHERE f.ctid = e.place AND e.epoch = $5),
w AS (INSERT INTO flow_sample_1s (node_id, vsan, at, epoch, serial, initiator, target, frames, bytes, errors, in_port, rule, service)
	SELECT node_id, vsan, last_seen, epoch, serial, initiator, target, frames - sampled_frames, bytes - sampled_bytes, errors - sampled_errors,
	in_port, rule, service FROM d)
SELECT (SELECT count(*) FROM s), (SELECT count(*) FROM e),
	(SELECT epoch FROM s ORDER BY epoch DESC, serial DESC LIMIT 1), (SELECT serial FROM s ORDER BY epoch DESC, serial DESC LIMIT 1),
	ARRAY(SELECT serial FROM m WHERE epoch = $5
		AND (frames, bytes, errors) IS DISTINCT FROM (sampled_frames, sampled_bytes, sampled_errors))`

const upsertLogins = `INSERT INTO login AS l (node_id, epoch, fabric, vsan, fc_id, wwpn, wwnn, mac, port, role, functions, state, how,
	first_seen, last_seen, incarnation, generation, seq)
SELECT $1, $2, fabric, vsan, fc_id, wwpn, wwnn, nullif(mac, '')::macaddr, port, role, string_to_array(functions, ','), state, how,
	first_seen, last_seen, incarnation, generation, seq
FROM unnest($3::smallint[], $4::smallint[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[],
	$12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::bigint[], $17::bigint[], $18::bigint[])
	AS i (fabric, vsan, fc_id, wwpn, wwnn, mac, port, role, functions, state, how, first_seen, last_seen, incarnation, generation, seq)
ON CONFLICT (node_id, fabric, vsan, fc_id) DO UPDATE SET epoch = excluded.epoch, wwpn = excluded.wwpn, wwnn = excluded.wwnn,
	mac = excluded.mac, port = excluded.port, role = excluded.role, functions = excluded.functions, state = excluded.state, how = excluded.how,
	first_seen = excluded.first_seen, last_seen = excluded.last_seen, incarnation = excluded.incarnation,
	generation = excluded.generation, seq = excluded.seq
WHERE l.epoch <> excluded.epoch OR l.seq < excluded.seq`

const deleteLogins = `DELETE FROM login l USING unnest($3::smallint[], $4::smallint[], $5::integer[], $6::bigint[]) AS i (fabric, vsan, fc_id, seq)
WHERE l.node_id = $1 AND l.fabric = i.fabric AND l.vsan = i.vsan AND l.fc_id = i.fc_id AND (l.epoch <> $2 OR l.seq < i.seq)`

const sweepLogins = `DELETE FROM login WHERE node_id = $1 AND (epoch <> $2 OR seq <= $3)`

const settleCursor = `UPDATE ring_cursor SET boots = $4, unreported = $5 WHERE node_id = $1 AND shard = $2 AND owner = $3`

const retireOld = `DELETE FROM flow f USING (SELECT epoch, serial FROM flow WHERE node_id = $1 AND ended_at < $2 ORDER BY ended_at LIMIT $3) o
WHERE f.node_id = $1 AND f.epoch = o.epoch AND f.serial = o.serial`

const retireMany = `DELETE FROM flow f USING (SELECT epoch, serial FROM flow WHERE node_id = $1 AND ended_at IS NOT NULL
	ORDER BY ended_at DESC OFFSET $2 LIMIT $3) o
WHERE f.node_id = $1 AND f.epoch = o.epoch AND f.serial = o.serial`
