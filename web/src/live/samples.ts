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

/**
 * Backfill asks the appliance for what was before the first sample, and for what a lost connection left out. One question at
 * a time and not often; what fails stays a gap.
 */
export class Backfill {
  private running: AbortController | undefined;
  private last = -Infinity;

  constructor(
    private readonly history: History,
    private readonly ask: (signal: AbortSignal) => Promise<readonly LiveSample[]>,
    private readonly filled: () => void,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  async want(): Promise<void> {
    if (this.running !== undefined || this.clock() - this.last < pauseMs) return;
    const mine = new AbortController();
    this.running = mine;
    this.last = this.clock();
    try {
      const old = await this.ask(mine.signal);
      if (mine.signal.aborted) return;
      this.history.fill(old);
      this.filled();
    } catch {
      // The appliance has no history now, or the account may not read it: the charts begin with what comes.
    } finally {
      if (this.running === mine) this.running = undefined;
    }
  }

  /** stop forgets an answer that is under way: it may be somebody else's. */
  stop(): void {
    this.running?.abort();
    this.running = undefined;
    this.last = -Infinity;
  }
}

/** A connection that comes and goes asks no more often than this. */
const pauseMs = 5_000;
