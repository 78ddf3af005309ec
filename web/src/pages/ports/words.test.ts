import { describe, expect, it } from 'vitest';
import { dropsOf, errorsOf, fatesOf, happened, speedOf, withoutLink } from './words';

describe('counters in words', () => {
  it('have what happened first, the most frequent before the others', () => {
    const got = fatesOf({ fates: { fip: 3, forwarded: 7 } });
    expect(got.slice(0, 2)).toEqual([
      { text: 'Forwarded to the paired port', value: 7 },
      { text: 'FCoE Initialization Protocol', value: 3 },
    ]);
    expect(happened(got)).toHaveLength(2);
  });
  it('show a reason that is not known by its name', () => {
    expect(dropsOf({ drops: { quite_new: 2 } })[0]).toEqual({ text: 'quite new', value: 2 });
  });
  it('show reasons that never happened as 0', () => {
    expect(dropsOf({ drops: {} }).every((f) => f.value === 0)).toBe(true);
    expect(happened(dropsOf({ drops: {} }))).toEqual([]);
  });
  it('add up what the device counted', () => {
    expect(errorsOf({ rx_errors: 1, tx_errors: 2, missed: 4, no_buffer: 8 })).toBe(15);
  });
});

describe('a link', () => {
  it('has its speed in the usual unit', () => {
    expect([0, 100, 2500, 100_000].map(speedOf)).toEqual(['not known', '100 Mbit/s', '2.5 Gbit/s', '100 Gbit/s']);
  });
  it('that is down says what follows, by role', () => {
    expect(withoutLink({ name: 'e0', role: 'edge', pair: 'f0' })).toContain('No frame crosses between e0 and f0');
    expect(withoutLink({ name: 's0', role: 'service' })).toContain('The service behind it cannot be used');
  });
});
