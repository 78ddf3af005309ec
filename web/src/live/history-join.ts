import type { LiveSample } from './message';

/**
 * A line over time out of two sources: the samples of the last ten minutes, and what the appliance has stored (GET
 * /api/v1/statistics). Both are put into the same buckets of time, so the one goes on where the other ends: a bucket that the
 * samples cover is theirs, an older one is the stored one, and a bucket that only one of them knows is that one's. A bucket
 * that nobody knows is a gap.
 */

/** How far back a chart goes, and how long a bucket is. The shortest needs no buckets: it is the samples themselves. */
export interface Span {
  id: string;
  label: string;
  seconds: number;
  stepSeconds: number;
}

export const liveSpan: Span = { id: '10m', label: '10 min', seconds: 600, stepSeconds: 1 };

/** Steps give some 350 points, and suit what is kept: seconds for 2 hours, minutes for 14 days. */
export const spans: readonly Span[] = [
  liveSpan,
  { id: '1h', label: '1 h', seconds: 3600, stepSeconds: 10 },
  { id: '6h', label: '6 h', seconds: 6 * 3600, stepSeconds: 60 },
  { id: '24h', label: '24 h', seconds: 24 * 3600, stepSeconds: 300 },
  { id: '7d', label: '7 d', seconds: 7 * 24 * 3600, stepSeconds: 1800 },
];

export const spanOf = (id: string): Span => spans.find((s) => s.id === id) ?? liveSpan;

/** A value of a line at a sample; null or undefined: not measured. */
export type Read = (s: LiveSample) => number | null | undefined;

/** A stored line: the values at the beginnings of buckets, in seconds since 1970. */
export type StoredLine = ReadonlyMap<number, number | null>;

export type Columns = [times: number[], ...values: (number | null)[][]];

const seconds = (s: LiveSample) => Date.parse(s.at) / 1000;
const known = (v: number | null | undefined): number | null => (v === null || v === undefined || !Number.isFinite(v) ? null : v);

/** liveColumns are the samples since from, second by second. */
export function liveColumns(samples: readonly LiveSample[], reads: readonly Read[], from: number): Columns {
  const times: number[] = [];
  const values: (number | null)[][] = reads.map(() => []);
  for (const s of samples) {
    const at = seconds(s);
    if (at < from) continue;
    times.push(at);
    reads.forEach((read, n) => values[n]?.push(known(read(s))));
  }
  return [times, ...values];
}

/** bucketed are the means of what was measured in each bucket. */
export function bucketed(samples: readonly LiveSample[], read: Read, stepSeconds: number): Map<number, number> {
  const sums = new Map<number, { sum: number; n: number }>();
  for (const s of samples) {
    const v = known(read(s));
    if (v === null) continue;
    // A sample tells of the second that ends with it: the one at 12:00:00 belongs to the bucket before.
    const bucket = Math.floor((seconds(s) - 0.5) / stepSeconds) * stepSeconds;
    const b = sums.get(bucket);
    if (b === undefined) sums.set(bucket, { sum: v, n: 1 });
    else {
      b.sum += v;
      b.n++;
    }
  }
  return new Map([...sums].map(([at, { sum, n }]) => [at, sum / n]));
}

/** joined is the whole range in buckets. to is the live edge. */
export function joined(samples: readonly LiveSample[], reads: readonly Read[], stored: readonly (StoredLine | undefined)[], span: Span, to: number): Columns {
  const step = span.stepSeconds;
  const first = samples[0];
  // From here on the samples cover whole buckets.
  const cut = first === undefined ? Infinity : Math.ceil((seconds(first) - 1) / step) * step;
  const begin = Math.floor((to - span.seconds) / step) * step;
  const times: number[] = [];
  for (let at = begin; at <= to; at += step) times.push(at);
  const values = reads.map((read, n) => {
    const live = bucketed(samples, read, step);
    const old = stored[n];
    return times.map((at) => {
      const [one, other] = at >= cut ? [live.get(at), old?.get(at)] : [old?.get(at), live.get(at)];
      return known(one) ?? known(other);
    });
  });
  return [times, ...values];
}
