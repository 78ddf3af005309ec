import { describe, expect, it } from 'vitest';
import type { LiveSample } from '../../live';
import { ringsNow } from '../../live/history-rings';
import { fillOf, lcoresOf, merged, producerText, ringColumns, sorted, stateOf, type Ring } from './rings';

const ring = (change: Partial<Ring> = {}): Ring => ({
  name: 'store-0-1', consumer: 'store', shard: 0, producer: 1, depth: 10, items: 100, offeredRate: 1, releasedRate: 1, pending: 0, conflated: 0, lost: 0, gaps: 0, unreported: 0, broken: 0, ...change,
});
const listed = { name: 'store-0-1', consumer: 'store' as const, shard: 0, producer: 1, items: 100, depth: 4, offered: 50, released: 46, pending: 3, conflated: 7, full: 0, lost: 0, gaps: 2, unreported: 0, broken: 1 };
const sample = (s: number, offered: number, depth: number, boot = 'a', items = 100): LiveSample => ({
  at: new Date(s * 1000).toISOString(), boot, alive: true, generation: 1, ports: [], lcores: [], services: [],
  rings: [{ consumer: 'store', shard: 0, producer: 1, depth, items, offered, conflated: 8, lost: 0 }],
});

describe('merged rings', () => {
  it('take from the stream what is newer, and from the list what only it has', () => {
    const [r] = merged([listed], ringsNow([sample(0, 50, 4), sample(1, 60, 9)])) ?? [];
    expect(r).toMatchObject({ depth: 9, conflated: 8, offeredRate: 10, releasedRate: 5, pending: 3, gaps: 2, broken: 1 });
  });

  it('are there when only one of both is', () => {
    expect(merged(undefined, [])).toBeUndefined();
    expect(merged([], [])).toEqual([]);
    expect(merged([listed], [])?.[0]).toMatchObject({ depth: 4, offeredRate: undefined });
    expect(merged(undefined, ringsNow([sample(0, 50, 4)]))?.[0]).toMatchObject({ depth: 4, pending: undefined });
  });

  it('know their room where an old sample does not', () => {
    expect(merged([listed], ringsNow([sample(0, 50, 4, 'a', 0)]))?.[0]?.items).toBe(100);
    expect(fillOf({ depth: 5, items: 0 })).toBe(0);
  });
});

describe('words of a ring', () => {
  it('name who fills it', () => {
    expect([producerText(0, 1), producerText(1, 1)]).toEqual(['lcore 0', 'control']);
    expect(lcoresOf(undefined, [ring({ producer: 0 }), ring({ producer: 4 })])).toBe(4);
  });

  it('say the worst first', () => {
    expect(stateOf(ring())).toMatchObject({ tone: 'good' });
    expect(stateOf(ring({ broken: 1, lost: 3 }))).toMatchObject({ tone: 'bad', text: 'Broken once' });
    expect(stateOf(ring({ broken: 2 })).text).toBe('Broken 2 times');
    expect(stateOf(ring({ lost: 3 }))).toMatchObject({ tone: 'warning', text: 'Events were lost' });
    expect(stateOf(ring({ depth: 80 })).text).toBe('Nearly full');
    expect(stateOf(ring({ broken: undefined }))).toMatchObject({ tone: 'good' });
  });
});

describe('order', () => {
  it('is by numbers, also in names', () => {
    const rings = [ring({ name: 'store-0-10', producer: 10 }), ring({ name: 'store-0-2', producer: 2, depth: 50 }), ring({ name: 'event-0-0', consumer: 'event', producer: 0 })];
    expect(sorted(rings, 'name').map((r) => r.name)).toEqual(['event-0-0', 'store-0-2', 'store-0-10']);
    expect(sorted(rings, '-depth').map((r) => r.name)).toEqual(['store-0-2', 'event-0-0', 'store-0-10']);
  });
});

describe('a ring over time', () => {
  it('has depth and rates, and none over a start or a hole', () => {
    const columns = ringColumns([sample(0, 0, 0), sample(1, 20, 5), sample(2, 5, 1, 'b'), sample(9, 30, 1, 'b')], 'store-0-1');
    expect(columns).toEqual([[0, 1, 2, 9], [0, 5, 1, 1], [null, 20, null, null], [null, 15, null, null]]);
  });

  it('is a gap where it was not there', () => {
    expect(ringColumns([sample(0, 0, 0)], 'peer-0-0')).toEqual([[0], [null], [null], [null]]);
  });
});
