import { useQueries } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { query, type Schema } from '../api/client';
import { now } from '../live';
import { liveSpan, type Span, type StoredLine } from '../live/history-join';

/** What is asked of the stored counts: those of a port. */
export interface Ask {
  of: 'port';
  port: string;
}

/** What was counted in a bucket, and in how many seconds of it somebody measured. */
export interface Stored {
  counts: Schema['Counts'];
  seconds: number;
}

/** A value of a line out of the answers to all asks, in their order; undefined where nobody measured. */
export type StoredRead = (answers: readonly (Stored | undefined)[]) => number | null;

/** The stored are asked again so often: often enough that the samples, ten minutes, always reach back to them. */
const againMs = (span: Span) => Math.min(300_000, Math.max(60_000, span.stepSeconds * 1000));

/** againAfterMs is when a question that failed is asked again: soon at first, then ever more seldom, up to the next new one. */
export const againAfterMs = (failures: number, mostMs: number): number => Math.min(mostMs, 10_000 * 2 ** Math.min(Math.max(0, failures - 1), 6));

/** A bucket in which hardly anybody measured says nothing. */
const leastSeconds = 0.5;

/** byTime are the points of an answer by their beginning. */
export function byTime(series: Pick<Schema['Series'], 'points' | 'step_seconds'>): Map<number, Stored> {
  const out = new Map<number, Stored>();
  for (const p of series.points) {
    const seconds = p.measured * series.step_seconds;
    if (p.counts !== null && seconds >= leastSeconds) out.set(Date.parse(p.at) / 1000, { counts: p.counts, seconds });
  }
  return out;
}

/** storedLine reads a line out of all answers. */
export function storedLine(answers: readonly ReadonlyMap<number, Stored>[], read: StoredRead): StoredLine {
  const times = new Set<number>();
  for (const a of answers) for (const t of a.keys()) times.add(t);
  const out = new Map<number, number | null>();
  for (const t of times) out.set(t, read(answers.map((a) => a.get(t))));
  return out;
}

/** useEvery is a time that goes on by whole periods, so that charts that ask the same ask it once. */
function useEvery(ms: number, on: boolean): number {
  const [at, set] = useState(() => Math.floor(now() / ms) * ms);
  useEffect(() => {
    if (!on) return undefined;
    const look = () => set(Math.floor(now() / ms) * ms);
    look();
    const tick = setInterval(look, 5_000);
    return () => clearInterval(tick);
  }, [ms, on]);
  return at;
}

const none: readonly Ask[] = [];

interface Failing {
  state: { status: string; errorUpdateCount: number };
}

/** useStored asks for what was before, unless the span is only what is live. */
export function useStored(asks: readonly Ask[] | undefined, span: Span, seen: boolean): { line: (read: StoredRead) => StoredLine | undefined; error: unknown } {
  const wanted = span === liveSpan || asks === undefined ? none : asks;
  const period = againMs(span);
  const tick = useEvery(period, seen && wanted.length > 0);
  const from = new Date(Math.floor((tick / 1000 - span.seconds) / span.stepSeconds) * span.stepSeconds * 1000).toISOString();
  const to = new Date(tick + period).toISOString();
  const answers = useQueries({
    queries: wanted.map((ask) => ({
      ...query.queryOptions('get', '/api/v1/statistics', { params: { query: { ...ask, from, to, step_seconds: span.stepSeconds } } }),
      enabled: seen,
      staleTime: Infinity,
      gcTime: period,
      retry: 1,
      refetchInterval: ({ state }: Failing) => (state.status === 'error' ? againAfterMs(state.errorUpdateCount, period) : false),
    })),
    combine,
  });
  const fresh = useMemo(() => answers.series?.map(byTime), [answers.series]);
  // While the same is asked again, what was there stays: a chart does not blink every few minutes.
  const same = JSON.stringify([wanted, span.id]);
  const kept = useRef<{ same: string; maps: Map<number, Stored>[] }>(undefined);
  if (fresh !== undefined) kept.current = { same, maps: fresh };
  const maps = fresh ?? (kept.current?.same === same ? kept.current.maps : undefined);
  const line = useCallback((read: StoredRead) => (maps === undefined || maps.length === 0 ? undefined : storedLine(maps, read)), [maps]);
  return { line, error: answers.error };
}

interface Answer {
  data: Schema['Statistics'] | undefined;
  error: unknown;
}

/** combine is all answers, once all are there; a line of some ports would be a wrong one. */
function combine(all: readonly Answer[]): { series: Schema['Series'][] | undefined; error: unknown } {
  const error = all.find((a) => a.error !== null && a.error !== undefined)?.error;
  const series = all.flatMap((a) => (a.data === undefined ? [] : [a.data.series]));
  return { series: series.length === all.length ? series : undefined, error };
}
