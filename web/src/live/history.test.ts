import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { completed, filled, stored } from './history';
import type { LiveSample } from './message';
import { Backfill, History, keepSamples } from './samples';

const at = (ms: number) => new Date(1_700_000_000_000 + ms).toISOString();

/** sample has one port that has counted n frames of 100 bytes; with rates as the stream would send it. */
function sample(ms: number, n: number, rate?: number, boot = 'a'): LiveSample {
  const port = { name: 'edge0', up: true, frames_in: n, bytes_in: n * 100, frames_out: 0, bytes_out: 0, dropped: 0, device_errors: 0 };
  const rates = rate === undefined ? {} : { rates: { frames_in: rate, bytes_in: rate * 100, frames_out: 0, bytes_out: 0, dropped: 0 } };
  return { at: at(ms), boot, alive: true, generation: 1, ports: [{ ...port, ...rates }], lcores: [], services: [], rings: [] };
}
const rateOf = (s: LiveSample | undefined) => s?.ports[0]?.rates?.frames_in;

describe('samples that the appliance kept', () => {
  it('get their rates from differences', () => {
    expect(rateOf(completed(sample(2000, 300), sample(0, 100)))).toBe(100);
  });

  it('have no rate over a gap, over a start of the data plane, or backwards', () => {
    expect(rateOf(completed(sample(3000, 300), sample(0, 100)))).toBeUndefined();
    expect(rateOf(completed(sample(1000, 300, undefined, 'b'), sample(0, 100)))).toBeUndefined();
    expect(rateOf(completed(sample(0, 300), sample(1000, 100)))).toBeUndefined();
  });

  it('never change the rates that the stream said', () => {
    expect(rateOf(completed(sample(1000, 300, 7), sample(0, 100)))).toBe(7);
  });

  it('come before what is live, and no second twice', () => {
    const old = [0, 1000, 2000, 3000, 4000].map((ms) => sample(ms + 870, ms));
    const live = [sample(3300, 2430), sample(4300, 3430, 1000)];
    const all = filled(live, old);
    expect(all.map((s) => Date.parse(s.at) - 1_700_000_000_000)).toEqual([870, 1870, 3300, 4300]);
    expect(all.map(rateOf).slice(1)).toEqual([1000, expect.closeTo(1000, 0), 1000]);
  });

  it('fill what a lost connection left out', () => {
    const live = [sample(0, 0, 1000), sample(1000, 1000, 1000), sample(6000, 6000, undefined), sample(7000, 7000, 1000)];
    const old = [500, 1500, 2500, 3500, 4500, 5500, 6500].map((ms) => sample(ms, ms));
    const all = filled(live, old);
    expect(all.map((s) => Date.parse(s.at) - 1_700_000_000_000)).toEqual([0, 1000, 2500, 3500, 4500, 6000, 7000]);
    expect(all.map(rateOf)).toEqual([1000, 1000, 1000, 1000, 1000, 1000, 1000]);
  });

  it('count drops as the stream does', () => {
    const kept = stored({
      at: at(0), boot: 'a', started: at(0), alive: true, lcores: [], services: [], rings: [],
      ports: [{ name: 'edge0', up: true, frames_in: 1, bytes_in: 1, frames_out: 1, bytes_out: 1, drops: 2, stalled: 3, mirror_lost: 9, device_errors: 4, pauses_in: 0, pauses_out: 0 }],
    });
    expect(kept.ports[0]?.dropped).toBe(5);
  });
});

describe('the history of ten minutes', () => {
  it('keeps ten minutes, however much is filled in', () => {
    const h = new History();
    h.add(sample(keepSamples * 2000, 0));
    h.fill(Array.from({ length: keepSamples * 2 }, (_, i) => sample(i * 1000, i)));
    expect(h.samples().length).toBe(keepSamples);
    expect(h.latest()?.at).toBe(at(keepSamples * 2000));
  });

  it('misses what is before the first sample and what a gap left out, and nothing else', () => {
    const h = new History();
    expect(h.misses(sample(0, 0))).toBe(true);
    h.add(sample(0, 0));
    expect(h.misses(sample(1000, 0))).toBe(false);
    expect(h.misses(sample(4000, 0))).toBe(true);
  });
});

describe('a hole in it', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  /** asking plays the appliance: an answer, or none. */
  function asking() {
    const h = new History();
    const answers: { give: (s: LiveSample[]) => void; fail: () => void }[] = [];
    const filled = vi.fn();
    const b = new Backfill(h, () => new Promise((give, fail) => answers.push({ give, fail: () => fail(new Error('503')) })), filled);
    return { h, b, answers, filled };
  }
  const settled = () => vi.advanceTimersByTimeAsync(0);

  it('is not filled with an answer for somebody who has signed out', async () => {
    const { h, b, answers, filled } = asking();
    b.want();
    b.stop();
    answers[0]?.give([sample(0, 0)]);
    await settled();
    expect([filled.mock.calls.length, h.samples().length]).toEqual([0, 0]);
    b.want();
    answers[1]?.give([sample(0, 0)]);
    await settled();
    expect([answers.length, filled.mock.calls.length, h.samples().length]).toEqual([2, 1, 1]);
  });

  it('that shows while another is asked for, or soon after, is asked for later', async () => {
    const { b, answers } = asking();
    b.want();
    b.want();
    expect(answers).toHaveLength(1);
    answers[0]?.give([]);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(answers).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toHaveLength(2);
    answers[1]?.give([]);
    await settled();
    b.want();
    expect(answers).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(answers).toHaveLength(3);
  });

  it('is asked for again where that failed, ever more seldom, and not for ever', async () => {
    const { h, b, answers, filled } = asking();
    b.want();
    for (const pause of [5_000, 10_000, 20_000, 40_000, 80_000]) {
      answers.at(-1)?.fail();
      const before = answers.length;
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(answers).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(answers).toHaveLength(before + 1);
    }
    answers.at(-1)?.fail();
    await settled();
    expect([vi.getTimerCount(), filled.mock.calls.length]).toEqual([0, 0]);
    b.want();
    await vi.advanceTimersByTimeAsync(5_000);
    answers.at(-1)?.fail();
    await vi.advanceTimersByTimeAsync(5_000);
    answers.at(-1)?.give([sample(0, 0)]);
    await settled();
    expect([answers.length, h.samples().length, vi.getTimerCount()]).toEqual([8, 1, 0]);
  });

  it('is asked for by nobody who has signed out', async () => {
    const { b, answers } = asking();
    b.want();
    answers[0]?.fail();
    await settled();
    b.stop();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(answers).toHaveLength(1);
  });
});
