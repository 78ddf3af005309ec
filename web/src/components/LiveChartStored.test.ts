import { describe, expect, it, vi } from 'vitest';

vi.stubGlobal('location', { origin: 'http://localhost' });
const { againAfterMs, byTime, storedLine } = await import('./LiveChartStored');

const counts = { frames: 10, bytes: 1000, errors: 0, frames_per_second: 1, bytes_per_second: 100 };
const at = (s: number) => new Date(s * 1000).toISOString();

describe('what is stored', () => {
  it('has no point where nobody measured, or hardly', () => {
    const points = [
      { at: at(0), measured: 1, counts },
      { at: at(10), measured: 0, counts: null },
      { at: at(20), measured: 0.01, counts },
      { at: at(30), measured: 0.5, counts },
    ];
    expect([...byTime({ points, step_seconds: 10 })].map(([t, p]) => [t, p.seconds])).toEqual([[0, 10], [30, 5]]);
  });

  it('is asked for again where that failed, ever more seldom', () => {
    expect([1, 2, 3, 4, 50].map((n) => againAfterMs(n, 60_000))).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it('is read out of all answers, each at its time', () => {
    const one = new Map([[0, { counts, seconds: 10 }], [10, { counts, seconds: 10 }]]);
    const other = new Map([[10, { counts, seconds: 5 }]]);
    const line = storedLine([one, other], ([a, b]) => (a === undefined || b === undefined ? null : a.seconds + b.seconds));
    expect([...line]).toEqual([[0, null], [10, 15]]);
  });
});
