import type { LiveSample } from './message';

/** How many samples are kept: ten minutes at one a second, some 3 KB each on a large appliance. */
export const keepSamples = 600;

/** History is the samples of the last ten minutes, oldest first. One more at the end drops one at the beginning. */
export class History {
  private samples_: readonly LiveSample[] = [];

  readonly samples = (): readonly LiveSample[] => this.samples_;

  latest(): LiveSample | undefined {
    return this.samples_.at(-1);
  }

  /** add takes a sample; one that is not later than the last is one that we have. A new array, so that React sees a change. */
  add(sample: LiveSample): boolean {
    const last = this.latest();
    if (last !== undefined && Date.parse(sample.at) <= Date.parse(last.at)) return false;
    this.samples_ = [...this.samples_.slice(-(keepSamples - 1)), sample];
    return true;
  }

  clear(): void {
    this.samples_ = [];
  }
}
