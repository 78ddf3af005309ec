import { describe, expect, it } from 'vitest';
import { byConsumer, consumerText, ringsNow } from './history-rings';
import type { LiveSample } from './message';

const sample = (s: number, offered: number, depth: number, boot = 'a'): LiveSample => ({
  at: new Date(s * 1000).toISOString(), boot, alive: true, generation: 1, ports: [], lcores: [], services: [],
  rings: [{ consumer: 'store', shard: 0, producer: 1, depth, items: 100, offered, conflated: 0, lost: 0 }, { consumer: 'event', shard: 0, producer: 0, depth: 0, items: 100, offered: 0, conflated: 2, lost: 1 }],
});

describe('rings now', () => {
  it('have rates of what came in and of what went out', () => {
    const [store] = ringsNow([sample(0, 0, 0), sample(2, 20, 10)]);
    expect(store).toMatchObject({ name: 'store-0-1', offeredRate: 10, releasedRate: 5, depth: 10 });
  });

  it('have none over a start of the data plane, nor in the first second', () => {
    expect(ringsNow([sample(0, 50, 0), sample(1, 20, 10, 'b')])[0]?.offeredRate).toBeUndefined();
    expect(ringsNow([sample(0, 50, 0)])[0]?.releasedRate).toBeUndefined();
    expect(ringsNow([])).toEqual([]);
  });

  it('are added up by who reads them', () => {
    const two = ringsNow([sample(0, 0, 0), sample(1, 20, 10)]);
    expect(byConsumer(two)).toEqual([
      { consumer: 'store', depth: 10, items: 100, fullest: 0.1, offeredRate: 20, conflated: 0, lost: 0 },
      { consumer: 'event', depth: 0, items: 100, fullest: 0, offeredRate: 0, conflated: 2, lost: 1 },
    ]);
  });

  it('say an unknown consumer by its name', () => expect(consumerText('other')).toBe('other'));
});
