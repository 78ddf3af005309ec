import { completed, filled, gapMs } from './history';
import type { LiveSample } from './message';

/** How many samples are kept: ten minutes at one a second, some 3 KB each on a large appliance. */
export const keepSamples = 600;

/** Samples of a connection before may come late by a second or two, not by more. */
const setBackMs = 10_000;

/** History is the samples of the last ten minutes, oldest first. One more at the end drops one at the beginning. */
export class History {
  private samples_: readonly LiveSample[] = [];

  readonly samples = (): readonly LiveSample[] => this.samples_;

  latest(): LiveSample | undefined {
    return this.samples_.at(-1);
  }

  /**
   * add takes a sample; one that is not later than the last is one that we have, unless it is much earlier: then the appliance's
   * clock was set back, and the history begins anew. A new array, so that React sees a change.
   */
  add(sample: LiveSample): boolean {
    const before = this.latest();
    const back = before === undefined ? 0 : Date.parse(before.at) - Date.parse(sample.at);
    if (before !== undefined && back >= 0 && back < setBackMs) return false;
    if (back >= setBackMs) this.clear();
    const last = this.latest();
    this.samples_ = [...this.samples_.slice(-(keepSamples - 1)), completed(sample, last)];
    return true;
  }

  /** misses says whether there is a hole before a sample that the appliance may be able to fill. */
  misses(sample: LiveSample): boolean {
    const last = this.latest();
    return last === undefined || Date.parse(sample.at) - Date.parse(last.at) > gapMs;
  }

  /** fill puts what the appliance remembers where nothing came. */
  fill(old: readonly LiveSample[]): void {
    this.samples_ = filled(this.samples_, old).slice(-keepSamples);
  }

  clear(): void {
    this.samples_ = [];
  }
}

/** The appliance is asked no more often than this, however often a connection comes and goes. */
const pauseMs = 5_000;
/** What fails is asked again so often, each time after twice as long: for some minutes. */
const mostTries = 6;

/**
 * Backfill asks the appliance for what was before the first sample, and for what a lost connection left out. One question at
 * a time and not often; what fails again and again stays a gap.
 */
export class Backfill {
  private running: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = -Infinity;
  private failures = 0;
  /** A hole that showed while an answer was under way may not be in it. */
  private missed = false;

  constructor(
    private readonly history: History,
    private readonly ask: (signal: AbortSignal) => Promise<readonly LiveSample[]>,
    private readonly filled: () => void,
  ) {}

  want(): void {
    this.failures = 0;
    if (this.running !== undefined) this.missed = true;
    else this.later(this.last + pauseMs - performance.now());
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    if (ms <= 0) void this.fetch();
    else this.timer = setTimeout(() => void this.fetch(), ms);
  }

  private async fetch(): Promise<void> {
    const mine = new AbortController();
    this.running = mine;
    this.missed = false;
    this.last = performance.now();
    const old = await this.ask(mine.signal).catch(() => undefined);
    if (mine.signal.aborted) return;
    this.running = undefined;
    if (old === undefined) {
      // The appliance has no history now, or the account may not read it: the charts begin with what comes.
      this.failures++;
      if (this.failures < mostTries) this.later(pauseMs * 2 ** (this.failures - 1));
      return;
    }
    this.failures = 0;
    this.history.fill(old);
    this.filled();
    if (this.missed) this.later(pauseMs);
  }

  /** stop forgets an answer that is under way: it may be somebody else's. */
  stop(): void {
    clearTimeout(this.timer);
    this.running?.abort();
    this.running = undefined;
    this.last = -Infinity;
  }
}
