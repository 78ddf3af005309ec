import type { LiveRing, LiveSample } from './message';

/** A ring as it goes now: what comes in and out a second, over the last few seconds, and how full it is. */
export interface RingNow extends LiveRing {
  name: string;
  /** Items put in and taken out a second; undefined while that is not known. */
  offeredRate: number | undefined;
  releasedRate: number | undefined;
  /** Updates merged a second. */
  conflatedRate: number | undefined;
}

/** Over so many samples rates are made: a second alone jumps. */
const over = 5;

export const ringName = (r: Pick<LiveRing, 'consumer' | 'shard' | 'producer'>): string => `${r.consumer}-${r.shard}-${r.producer}`;

/** What is in the ring was offered and not released. */
const released = (r: LiveRing) => r.offered - r.depth;

/** ringsNow are the rings of the newest sample, with rates since an earlier one of the same boot. */
export function ringsNow(samples: readonly LiveSample[]): RingNow[] {
  const now = samples.at(-1);
  if (now === undefined) return [];
  const then = samples.slice(-1 - over).find((s) => s.boot === now.boot && s !== now);
  const seconds = then === undefined ? 0 : (Date.parse(now.at) - Date.parse(then.at)) / 1000;
  const old = new Map(then?.rings.map((r) => [ringName(r), r]));
  return now.rings.map((r) => {
    const name = ringName(r);
    const was = old.get(name);
    const rate = (of: (r: LiveRing) => number) => (was === undefined || seconds <= 0 ? undefined : Math.max(0, of(r) - of(was)) / seconds);
    return { ...r, name, offeredRate: rate((x) => x.offered), releasedRate: rate(released), conflatedRate: rate((x) => x.conflated) };
  });
}

/** What each consumer does with what it reads, in words. */
const words: Record<string, string> = { store: 'Flow figures to the database', peer: 'Changes to the peers', event: 'Events to the log' };
export const consumerText = (consumer: string): string => words[consumer] ?? consumer;

/** byConsumer adds up the rings of each consumer. */
export function byConsumer(rings: readonly RingNow[]): { consumer: string; depth: number; items: number; fullest: number; offeredRate: number | undefined; conflated: number; lost: number }[] {
  const names = [...new Set(rings.map((r) => r.consumer))];
  return names.map((consumer) => {
    const mine = rings.filter((r) => r.consumer === consumer);
    const sum = (of: (r: RingNow) => number) => mine.reduce((n, r) => n + of(r), 0);
    return {
      consumer,
      depth: sum((r) => r.depth),
      items: sum((r) => r.items),
      fullest: Math.max(0, ...mine.map((r) => (r.items > 0 ? r.depth / r.items : 0))),
      offeredRate: mine.some((r) => r.offeredRate === undefined) ? undefined : sum((r) => r.offeredRate ?? 0),
      conflated: sum((r) => r.conflated),
      lost: sum((r) => r.lost),
    };
  });
}
