import { useEffect, useState, useSyncExternalStore } from 'react';
import { api } from '../api/client';
import { stored } from './history';
import { Backfill, History, keepSamples } from './samples';
import { isListChange, isListSnapshot, isSample, type LiveSample, type StreamProblem } from './message';
import { Stream, type Status } from './stream';
import { clockOffset, now, observeServerTime, subscribeClock } from './clock';

export * from './message';
export { now, clockOffset } from './clock';
export type { Status } from './stream';

type Told = 'signed-out' | 'role-changed';
const listeners = new Set<(what: Told) => void>();

/** onTold tells why the appliance ended the stream: the session has ended, or the account has another role by now. */
export function onTold(tell: (what: Told) => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** stream is the one connection. The session allows it (src/app/session.tsx). */
export const stream = new Stream(location.origin.replace(/^http/, 'ws') + '/api/v1/stream', undefined, (what) => listeners.forEach((tell) => tell(what)));

/** useStreamStatus is how the connection is. */
export const useStreamStatus = (): Status => useSyncExternalStore(stream.watch, stream.status);

export const useClockOffset = (): number => useSyncExternalStore(subscribeClock, clockOffset);

/** useNow is the appliance's time, again every period. */
export function useNow(periodMs = 1000): number {
  const [at, set] = useState(now);
  useEffect(() => {
    const tick = setInterval(() => set(now()), periodMs);
    return () => clearInterval(tick);
  }, [periodMs]);
  return at;
}

const history = new History();
const sampleWatchers = new Set<() => void>();
let problem: StreamProblem | undefined;
let stopSamples: (() => void) | undefined;
const tellSamples = () => sampleWatchers.forEach((tell) => tell());

const backfill = new Backfill(
  history,
  async (signal) => {
    const { data } = await api.GET('/api/v1/samples', { params: { query: { limit: keepSamples } }, signal });
    return data?.items.map(stored) ?? [];
  },
  tellSamples,
);

/** followSamples keeps the history going while somebody is signed in: charts have their past when they are opened. */
export function followSamples(): () => void {
  stopSamples?.();
  const take = (data: unknown) => {
    if (!isSample(data)) return;
    problem = undefined;
    observeServerTime(Date.parse(data.at));
    const hole = history.misses(data);
    if (history.add(data)) tellSamples();
    if (hole) backfill.want();
  };
  const stop = stream.follow('samples', { period_ms: 1000 }, {
    snapshot: take,
    update: take,
    unavailable(p) {
      problem = p;
      tellSamples();
    },
  });
  stopSamples = () => {
    stop();
    backfill.stop();
    history.clear();
    tellSamples();
  };
  return stopSamples;
}

const watchSamples = (tell: () => void) => {
  sampleWatchers.add(tell);
  return () => {
    sampleWatchers.delete(tell);
  };
};

const unwatched = () => () => {};

/**
 * useSamples is the last ten minutes, a sample a second, with gaps where nothing was heard. Who is not watching (a chart that
 * nobody sees) is not told of each second.
 */
export const useSamples = (watching = true): readonly LiveSample[] => useSyncExternalStore(watching ? watchSamples : unwatched, history.samples);

/** useSample is the newest sample. */
export const useSample = (): LiveSample | undefined => useSamples().at(-1);

/** useSampleProblem says why there are none: the data plane is away. */
export const useSampleProblem = (): StreamProblem | undefined => useSyncExternalStore(watchSamples, () => problem);

export interface Live<T> {
  data: T | undefined;
  /** When data came, by the appliance's clock. */
  at: number | undefined;
  /** What is shown may be old: the connection is lost, or there is nothing now. */
  stale: boolean;
  problem: StreamProblem | undefined;
}

const nothing = { data: undefined, at: undefined, stale: false, problem: undefined };

/** useTopic follows a topic whose messages are whole states. Without a topic it follows nothing. */
export function useTopic(topic: string | undefined, params?: unknown): Live<unknown> {
  const [live, set] = useState<Live<unknown>>(nothing);
  const key = JSON.stringify(params ?? null);
  useEffect(() => {
    set(nothing);
    if (topic === undefined) return undefined;
    const take = (data: unknown, at: number) => set({ data, at, stale: false, problem: undefined });
    const old = (p?: StreamProblem) => set((was) => ({ ...was, stale: true, problem: p }));
    return stream.follow(topic, params, { snapshot: take, update: take, unavailable: old, lost: () => old() });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for params
  }, [topic, key]);
  return live;
}

export interface LiveList<T> extends Live<T[]> {
  total: number | undefined;
}

/**
 * useLiveList follows a list. keyOf names an item for ever. The order is the caller's to make: items are as the appliance sent
 * them, with new ones at the end. While paused nothing changes; when that ends everything that came meanwhile is there.
 */
export function useLiveList<T>(topic: string | undefined, params: unknown, keyOf: (item: T) => string, paused = false): LiveList<T> {
  const [live, set] = useState<LiveList<T>>({ ...nothing, total: undefined });
  const key = JSON.stringify(params ?? null);
  const [frozen, freeze] = useState<LiveList<T> | undefined>(undefined);
  if (paused && frozen === undefined) freeze(live);
  if (!paused && frozen !== undefined) freeze(undefined);
  useEffect(() => {
    set({ ...nothing, total: undefined });
    if (topic === undefined) return undefined;
    const items = new Map<string, T>();
    let total: number | undefined;
    const show = (at: number) => set({ data: [...items.values()], total, at, stale: false, problem: undefined });
    return stream.follow(topic, params, {
      snapshot(data, at) {
        if (!isListSnapshot<T>(data)) return;
        items.clear();
        for (const item of data.items) items.set(keyOf(item), item);
        total = data.total;
        show(at);
      },
      update(data, at) {
        if (!isListChange<T>(data)) return;
        for (const gone of data.removed ?? []) items.delete(gone);
        for (const item of data.added ?? []) items.set(keyOf(item), item);
        for (const item of data.changed ?? []) items.set(keyOf(item), item);
        total = data.total ?? total;
        show(at);
      },
      unavailable: (p) => set((was) => ({ ...was, stale: true, problem: p })),
      lost: () => set((was) => ({ ...was, stale: true })),
    });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- key stands for params, and keyOf does not change
  }, [topic, key]);
  return frozen ?? live;
}
