import { describe, expect, it } from 'vitest';
import { bucketed, joined, liveColumns, liveSpan, spanOf, spans, type Span } from './history-join';
import type { LiveSample } from './message';

const base = 1_699_999_200; // a full half hour
const sample = (s: number, up = true): LiveSample => ({ at: new Date((base + s) * 1000).toISOString(), boot: 'a', alive: up, generation: s, ports: [], lcores: [], services: [], rings: [] });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => sample(from + i));
const ten: Span = { id: 't', label: 't', seconds: 60, stepSeconds: 10 };
const relative = (times: readonly number[] | undefined) => times?.map((t) => t - base);

describe('stored and live', () => {
  it('join without a double point and without a hole', () => {
    const live = range(25, 56); // whole buckets from 30
    const stored = new Map([0, 10, 20, 30, 40].map((s) => [base + s, 1]));
    const [times, values] = joined(live, [() => 2], [stored], ten, base + 55);
    expect(relative(times)).toEqual([-10, 0, 10, 20, 30, 40, 50]);
    expect(values).toEqual([null, 1, 1, 1, 2, 2, 2]);
  });

  it('make no jump where both measured the same', () => {
    const stored = new Map([0, 10, 20].map((s) => [base + s, s + 5]));
    const [, values] = joined(range(11, 60), [(s) => s.generation - 0.5], [stored], { ...ten, seconds: 40 }, base + 45);
    expect(values?.slice(0, 5)).toEqual([5, 15, 25, 35, 45]);
  });

  it('fill each other where one of them was away', () => {
    const live = [...range(0, 11), ...range(31, 41)];
    const stored = new Map<number, number | null>([[base + 0, 1], [base + 10, 1], [base + 20, null]]);
    const [, values] = joined(live, [() => 2], [stored], { ...ten, seconds: 30 }, base + 35);
    expect(values).toEqual([2, 1, null, 2]);
  });

  it('are the stored alone where a bucket is longer than what is live', () => {
    const stored = new Map([[base - 1800, 3], [base, 4]]);
    const [times, values] = joined(range(600, 1200), [() => 2], [stored], { id: 'w', label: 'w', seconds: 3600, stepSeconds: 1800 }, base + 1200);
    expect(relative(times)).toEqual([-3600, -1800, 0]);
    expect(values).toEqual([null, 3, 4]);
  });

  it('are the live alone before the stored have come', () => {
    const [, values] = joined(range(1, 21), [() => 2], [undefined], { ...ten, seconds: 20 }, base + 20);
    expect(values).toEqual([2, 2, null]);
  });

  it('are nothing where there is nothing', () => {
    const [times, values] = joined([], [() => 2], [undefined], ten, base + 5);
    expect(times.length).toBe(values?.length);
    expect(values?.every((v) => v === null)).toBe(true);
  });
});

describe('samples', () => {
  it('that were not measured are gaps, and not zero', () => {
    const [times, values] = liveColumns(range(0, 4), [(s) => (s.generation === 2 ? undefined : s.generation)], base + 1);
    expect(relative(times)).toEqual([1, 2, 3]);
    expect(values).toEqual([1, null, 3]);
  });

  it('that are no numbers are gaps', () => {
    expect(liveColumns(range(0, 2), [() => NaN, () => Infinity], base)[1]).toEqual([null, null]);
  });

  it('belong to the bucket whose second they end', () => {
    expect([...bucketed(range(1, 21), (s) => s.generation, 10)].map(([at, v]) => [at - base, v])).toEqual([[0, 5.5], [10, 15.5]]);
  });
});

describe('spans', () => {
  it('have as many points as a chart can show, and each is asked for by its name', () => {
    for (const s of spans) {
      expect(s.seconds / s.stepSeconds).toBeLessThanOrEqual(600);
      expect(spanOf(s.id)).toBe(s);
    }
    expect(spanOf('nonsense')).toBe(liveSpan);
  });
});
