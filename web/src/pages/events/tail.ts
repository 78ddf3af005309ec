import type { Event } from './filter';

/** So many events the live list has. Older ones are in the log. */
export const keep = 1000;

/**
 * merge puts events, in any order, among those that are there, the newest first, each once, and keeps the newest ones. What
 * comes is nearly always newer than all that is there.
 */
export function merge(were: readonly Event[], come: readonly Event[], most = keep): readonly Event[] {
  if (come.length === 0) return were;
  const sorted = come.toSorted((a, b) => b.number - a.number).filter((e, i, all) => e.number !== all[i - 1]?.number);
  const newest = were[0]?.number ?? -1;
  const oldestOfNew = sorted.at(-1)?.number ?? 0;
  if (oldestOfNew > newest) return [...sorted, ...were].slice(0, most);
  const known = new Set(were.map((e) => e.number));
  const fresh = sorted.filter((e) => !known.has(e.number));
  if (fresh.length === 0) return were;
  return [...fresh, ...were].sort((a, b) => b.number - a.number).slice(0, most);
}

/** resume is what there is after the stream was away: the head of the log, before what is there, or instead of it where something between them is missing. */
export function resume(were: readonly Event[], head: readonly Event[]): readonly Event[] {
  const newest = were[0]?.number;
  const joins = newest === undefined || head.length === 0 || head.some((e) => e.number <= newest);
  return joins ? merge(were, head) : head;
}

/** Tail collects what comes, thousands a second if need be, and gives it out once a frame. */
export class Tail {
  private pending: Event[] = [];
  private asked = false;
  items: readonly Event[] = [];
  /** How many have come since they were taken last. */
  come = 0;

  constructor(
    private readonly tell: () => void,
    private readonly frame: (then: () => void) => void = (then) => requestAnimationFrame(then),
  ) {}

  add(events: readonly Event[]): void {
    if (events.length === 0) return;
    this.come += events.length;
    for (const e of events) this.pending.push(e);
    // A page in the background gets no frames: what nobody could see is not kept.
    if (this.pending.length > 2 * keep) this.pending = this.pending.slice(-keep);
    if (this.asked) return;
    this.asked = true;
    this.frame(() => this.flush());
  }

  head(events: readonly Event[]): void {
    this.items = resume(this.items, events);
    this.tell();
  }

  private flush(): void {
    this.asked = false;
    this.items = merge(this.items, this.pending);
    this.pending = [];
    this.tell();
  }
}
