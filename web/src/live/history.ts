import type { Schema } from '../api/client';
import type { LiveLcore, LivePort, LiveSample } from './message';

/**
 * What the appliance remembers of the last minutes (GET /api/v1/samples), made into samples of the stream. It has counters and
 * no rates: these follow from differences. What only the stream says (redirected, mirrored, latencies of the second, busy
 * shares) stays absent, and charts have a gap there rather than a guess.
 */

/** Two samples that are further apart than this have a gap between them: no rate is made over it. */
export const gapMs = 2_500;

/** A stored sample that is nearer than this to one of the stream is of the same second. */
const sameMs = 750;

/** stored makes a sample of the stream of one that the appliance kept. */
export function stored(s: Schema['Sample']): LiveSample {
  return {
    at: s.at,
    boot: s.boot,
    alive: s.alive,
    generation: 0,
    ports: s.ports.map((p) => ({
      name: p.name,
      up: p.up,
      frames_in: p.frames_in,
      bytes_in: p.bytes_in,
      frames_out: p.frames_out,
      bytes_out: p.bytes_out,
      dropped: p.drops + p.stalled,
      device_errors: p.device_errors,
    })),
    lcores: s.lcores.map((c) => ({ index: c.index, frames: c.frames, directions: c.directions, stalls: c.stalls })),
    services: s.services.map((v) => ({ name: v.name, up: v.up })),
    // items, the room of a ring, is not kept: whoever needs it has it from the newest sample.
    rings: s.rings.map((r) => ({ consumer: r.consumer, shard: r.shard, producer: r.producer, depth: r.depth, items: 0, offered: r.offered, conflated: r.conflated, lost: r.lost })),
  };
}

const perSecond = (now: number, then: number, seconds: number) => Math.max(0, now - then) / seconds;

function portRates(now: LivePort, then: LivePort | undefined, seconds: number): LivePort {
  if (now.rates !== undefined || then === undefined || then.name !== now.name) return now;
  const rate = (of: 'frames_in' | 'bytes_in' | 'frames_out' | 'bytes_out' | 'dropped') => perSecond(now[of], then[of], seconds);
  return { ...now, rates: { frames_in: rate('frames_in'), bytes_in: rate('bytes_in'), frames_out: rate('frames_out'), bytes_out: rate('bytes_out'), dropped: rate('dropped') } };
}

function lcoreRates(now: LiveLcore, then: LiveLcore | undefined, seconds: number): LiveLcore {
  if (now.frames_per_second !== undefined || then === undefined) return now;
  return { ...now, frames_per_second: perSecond(now.frames, then.frames, seconds) };
}

/** completed gives a sample the rates since the one before, where it has none and they are of one boot and a second apart. */
export function completed(now: LiveSample, before: LiveSample | undefined): LiveSample {
  if (before === undefined || before.boot !== now.boot || now.ports.every((p) => p.rates !== undefined)) return now;
  const ms = Date.parse(now.at) - Date.parse(before.at);
  if (ms <= 0 || ms > gapMs) return now;
  return {
    ...now,
    ports: now.ports.map((p, i) => portRates(p, before.ports[i], ms / 1000)),
    lcores: now.lcores.map((c, i) => lcoreRates(c, before.lcores[i], ms / 1000)),
  };
}

/** filled puts stored samples where the stream has none. Both rise; so does what comes out, and no second is there twice. */
export function filled(live: readonly LiveSample[], old: readonly LiveSample[]): LiveSample[] {
  const times = live.map((s) => Date.parse(s.at));
  const out: LiveSample[] = [];
  const put = (s: LiveSample) => out.push(completed(s, out.at(-1)));
  let i = 0;
  const putLive = () => {
    const s = live[i];
    if (s !== undefined) put(s);
    i++;
  };
  for (const s of old) {
    const at = Date.parse(s.at);
    while (i < live.length && (times[i] ?? 0) <= at) putLive();
    const before = times[i - 1] ?? -Infinity;
    const after = times[i] ?? Infinity;
    if (at - before >= sameMs && after - at >= sameMs) put(s);
  }
  while (i < live.length) putLive();
  return out;
}
