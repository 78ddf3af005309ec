import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';

const hourMs = 3_600_000;

/** A clock that knows nothing yet: the module is loaded anew. */
async function clock() {
  vi.resetModules();
  return import('./clock');
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(1_800_000_000_000);
});
afterEach(() => vi.useRealTimers());

const dateOf = (at: number) => new Date(at).toUTCString();

describe('the appliance’s clock', () => {
  it('is this computer’s until something is known', async () => {
    const c = await clock();
    expect(c.now()).toBe(Date.now());
    expect(c.clockOffset()).toBe(0);
  });
  it('is learnt from a header, to a second', async () => {
    const c = await clock();
    c.observeDate(dateOf(Date.now() + hourMs));
    expect(Math.abs(c.clockOffset() - hourMs)).toBeLessThan(1000);
    expect(Math.abs(c.now() - Date.now() - hourMs)).toBeLessThan(1000);
  });
  it('is learnt from a computer that is ahead as well', async () => {
    const c = await clock();
    c.observeServerTime(Date.now() - hourMs);
    expect(c.clockOffset()).toBe(-hourMs);
  });
  it('is taken for the same where the network explains the difference', async () => {
    const c = await clock();
    c.observeServerTime(Date.now() - 1400);
    expect(c.clockOffset()).toBe(0);
  });
  it('is not moved by one late message, but by two that say the same', async () => {
    const c = await clock();
    let told = 0;
    c.subscribeClock(() => told++);
    c.observeServerTime(Date.now());
    const before = told;
    c.observeServerTime(Date.now() - 20_000);
    expect(c.clockOffset()).toBe(0);
    c.observeServerTime(Date.now());
    c.observeServerTime(Date.now() + hourMs);
    expect(c.clockOffset()).toBe(0);
    c.observeServerTime(Date.now() + hourMs + 200);
    expect(c.clockOffset()).toBe(hourMs + 200);
    expect(told).toBe(before + 1);
  });
  it('is not touched by what is no time', async () => {
    const c = await clock();
    c.observeDate(null);
    c.observeDate('yesterday');
    c.observeServerTime(NaN);
    expect(c.clockOffset()).toBe(0);
  });
});
