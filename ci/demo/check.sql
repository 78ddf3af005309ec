-- What the slow path has of the demonstration, held against what the data plane says at rest: one line for each
-- difference, none when all is well. ci/demo/run gives the documents that fcrctl printed, and the query of README.md.

-- Flows: both lists are the same.
WITH listed AS (
    SELECT initiator, target, verdict, coalesce(service, '') AS service, frames_to_target, frames_to_initiator, bytes_to_target, bytes_to_initiator
    FROM json_to_recordset(:'flows') AS f (initiator text, target text, verdict text, service text,
        frames_to_target bigint, frames_to_initiator bigint, bytes_to_target bigint, bytes_to_initiator bigint)
), stored AS (:query)
SELECT 'flow list has, the database has not: ' || d::text FROM (TABLE listed EXCEPT ALL TABLE stored) d
UNION ALL
SELECT 'the database has, flow list has not: ' || d::text FROM (TABLE stored EXCEPT ALL TABLE listed) d
UNION ALL
SELECT 'no flow is listed' WHERE NOT EXISTS (TABLE listed);

-- Samples: all that was counted is sampled, and the samples add up to it.
SELECT format('direction %s: %s frames and %s bytes counted, %s and %s sampled, samples of %s and %s',
    f.serial, f.frames, f.bytes, f.sampled_frames, f.sampled_bytes, s.frames, s.bytes)
FROM flow f
LEFT JOIN (SELECT node_id, epoch, serial, sum(frames) AS frames, sum(bytes) AS bytes FROM flow_sample_1s GROUP BY 1, 2, 3) s
    USING (node_id, epoch, serial)
WHERE (f.frames, f.bytes, f.frames, f.bytes) IS DISTINCT FROM (f.sampled_frames, f.sampled_bytes, s.frames, s.bytes);

-- A busy flow is sampled each second.
SELECT format('direction %s was busy for %s and has %s samples', f.serial, f.last_seen - f.created, s.n)
FROM flow f, LATERAL (SELECT count(*) AS n FROM flow_sample_1s s WHERE (s.node_id, s.epoch, s.serial) = (f.node_id, f.epoch, f.serial)) s
WHERE f.frames > 1000 AND s.n < extract(epoch FROM f.last_seen - f.created) / 2;

-- Ports: the samples add up to the counters.
SELECT format('port %s: %s frames in and %s out, samples of %s and %s', p.name, p.frames_in, p.frames_out, s.frames_in, s.frames_out)
FROM json_to_recordset(:'ports') AS p (name text, frames_in bigint, frames_out bigint)
LEFT JOIN (SELECT port, sum(frames_in) AS frames_in, sum(frames_out) AS frames_out FROM port_sample_1s GROUP BY 1) s ON s.port = p.name
WHERE (p.frames_in, p.frames_out) IS DISTINCT FROM (s.frames_in, s.frames_out);

-- Events: numbers have no gaps, and of each producer of the data plane every event is there once, in its order.
SELECT format('%s events have the numbers %s to %s', count(*), min(number), max(number)) FROM event
HAVING min(number) <> 1 OR max(number) <> count(*) OR count(*) = 0;
SELECT format('producer %s: event %s stands where its number %s is due', producer, seq, nth)
FROM (SELECT producer, seq, row_number() OVER (PARTITION BY epoch, producer ORDER BY number) AS nth FROM event WHERE producer < 1024) e
WHERE seq <> nth;
SELECT format('producer %s told of %s events, %s are in the database', r.producer, r.offered, coalesce(e.events, 0))
FROM (SELECT producer, offered, row_number() OVER () - 1 AS number
      FROM json_to_recordset(:'rings') AS r (consumer text, producer text, offered bigint) WHERE consumer = 'event') r
LEFT JOIN (SELECT producer, count(*) AS events FROM event WHERE producer < 1024 GROUP BY 1) e ON e.producer = r.number
WHERE r.offered IS DISTINCT FROM coalesce(e.events, 0);
