import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { follower, settled, world } from './played';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('subscriptions', () => {
  it('wait for the hello, and begin with a snapshot', async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.follow('change', undefined, f);
    w.stream.allow(true);
    await settled();
    expect(w.socket().protocol).toBe('fcr.v1');
    expect(w.socket().said).toEqual([]);
    w.socket().says({ kind: 'hello' });
    expect(w.stream.status().state).toBe('live');
    expect(w.socket().ops()).toEqual(['+change']);
    const id = w.socket().idOf('change');
    w.socket().says({ kind: 'snapshot', id, n: 1, data: 'a' });
    w.socket().says({ kind: 'update', id, n: 2, data: 'b' });
    w.socket().says({ kind: 'update', id: 'another', n: 1, data: 'not ours' });
    expect(heard).toEqual(['snapshot a', 'update b']);
  });

  it('are made once, however many of a page look at the same', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    for (let i = 0; i < 20; i++) w.stream.follow('change', undefined, follower().f);
    w.stream.follow('flows', { limit: 5 }, follower().f);
    await settled();
    expect(w.socket().ops()).toEqual(['+change', '+flows']);
  });

  it('are made anew for who comes later, for whom the snapshot has gone by', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    const [first, second] = [follower(), follower()];
    w.stream.follow('change', undefined, first.f);
    await settled();
    const id = w.socket().idOf('change');
    w.socket().says({ kind: 'snapshot', id, n: 1, data: 'a' });
    w.stream.follow('change', undefined, second.f);
    await settled();
    expect(w.socket().ops()).toEqual(['+change', `-${String(id)}`, '+change']);
    w.socket().says({ kind: 'update', id, n: 2, data: 'of the old one' });
    w.socket().says({ kind: 'snapshot', id: w.socket().idOf('change'), n: 1, data: 'b' });
    expect(first.heard).toEqual(['snapshot a', 'snapshot b']);
    expect(second.heard).toEqual(['snapshot b']);
  });

  it('outlive a connection', async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.allow(true);
    w.stream.follow('flows', { limit: 5 }, f);
    w.socket().says({ kind: 'hello' });
    await settled();
    w.socket().says({ kind: 'snapshot', id: w.socket().idOf('flows'), n: 1, data: 'a' });
    w.socket().ends(1006);
    expect(heard).toEqual(['snapshot a', 'lost']);
    expect(w.stream.status().state).toBe('waiting');
    await vi.advanceTimersByTimeAsync(500);
    expect(w.dialled).toHaveLength(2);
    w.socket().says({ kind: 'hello' });
    expect(w.socket().said.at(-1)).toMatchObject({ op: 'subscribe', topic: 'flows', params: { limit: 5 } });
    w.socket().says({ kind: 'snapshot', id: w.socket().idOf('flows'), n: 1, data: 'b' });
    expect(heard.at(-1)).toBe('snapshot b');
  });

  it('are kept for two seconds after nobody looks any more', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    const leave = w.stream.follow('flows', undefined, follower().f);
    await settled();
    const id = w.socket().idOf('flows');
    leave();
    await vi.advanceTimersByTimeAsync(1999);
    expect(w.socket().ops()).toEqual(['+flows']);
    await vi.advanceTimersByTimeAsync(1);
    expect(w.socket().ops()).toEqual(['+flows', `-${String(id)}`]);
  });

  it('are not ended by who left when somebody came meanwhile', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    const leave = w.stream.follow('flows', undefined, follower().f);
    leave();
    leave();
    const { f, heard } = follower();
    w.stream.follow('flows', undefined, f);
    await vi.advanceTimersByTimeAsync(3000);
    w.socket().says({ kind: 'snapshot', id: w.socket().idOf('flows'), n: 1, data: 'a' });
    expect(heard).toEqual(['snapshot a']);
  });

  it('begin again when a message is missing', async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.stream.follow('flows', undefined, f);
    await settled();
    const id = w.socket().idOf('flows');
    w.socket().says({ kind: 'snapshot', id, n: 1, data: 'a' });
    w.socket().saysText('{not JSON');
    w.socket().says({ kind: 'update', id, n: 3, data: 'c' });
    expect(heard).toEqual(['snapshot a']);
    await settled();
    w.socket().says({ kind: 'snapshot', id: w.socket().idOf('flows'), n: 1, data: 'd' });
    expect(heard).toEqual(['snapshot a', 'snapshot d']);
    expect(w.socket().ops()).toEqual(['+flows', `-${String(id)}`, '+flows']);
  });

  it('take a resync as a snapshot, and tell when there is nothing', async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.stream.follow('samples', undefined, f);
    await settled();
    const id = w.socket().idOf('samples');
    w.socket().says({ kind: 'unavailable', id, n: 1, data: { code: 'dataplane_unavailable', title: 'The data plane does not answer' } });
    w.socket().says({ kind: 'resync', id, n: 7, data: 'a' });
    w.socket().says({ kind: 'update', id, n: 8, data: 'b' });
    expect(heard).toEqual(['unavailable dataplane_unavailable', 'snapshot a', 'update b']);
  });
});

describe('what is refused', () => {
  const no = { code: 'permission_denied', title: 'The account may not do this' };
  const refused = async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    const leave = w.stream.follow('flows', undefined, f);
    await settled();
    const refuse = () => w.socket().says({ kind: 'refused', id: w.socket().idOf('flows'), data: no });
    const asked = () => w.socket().ops().filter((o) => o === '+flows').length;
    refuse();
    return { ...w, heard, leave, no: refuse, asked };
  };

  it('is asked for again after ever longer pauses, until there is an answer', async () => {
    const w = await refused();
    const pauses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = w.asked();
      let waited = 0;
      while (w.asked() === before) {
        await vi.advanceTimersByTimeAsync(1000);
        waited += 1000;
        w.socket().says({ kind: 'refused', id: 'are-you-there', data: no });
      }
      pauses.push(waited);
      w.no();
    }
    expect(pauses).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
    await vi.advanceTimersByTimeAsync(1);
    w.stream.askRefused();
    await settled();
    w.socket().says({ kind: 'snapshot', id: w.socket().idOf('flows'), n: 1, data: 'a' });
    expect(w.heard.at(-1)).toBe('snapshot a');
    const last = w.asked();
    w.stream.askRefused();
    await settled();
    expect(w.asked()).toBe(last);
    expect(w.socket().ops().filter((o) => /^-\d/.test(o))).toEqual([]);
  });

  it('is asked for at once when the account may more', async () => {
    const w = await refused();
    w.stream.askRefused();
    await settled();
    expect(w.asked()).toBe(2);
    w.no();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(w.asked()).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(w.asked()).toBe(3);
  });

  it('is not asked for once nobody follows it, or without a connection', async () => {
    const left = await refused();
    left.leave();
    await vi.advanceTimersByTimeAsync(9_000);
    left.socket().says({ kind: 'refused', id: 'are-you-there', data: no });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(left.asked()).toBe(1);
    left.stream.allow(false);
    const away = await refused();
    away.stream.allow(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a lost connection', () => {
  it('is tried again after ever longer pauses, within bounds, half of them chance', async () => {
    const w = world();
    vi.spyOn(Math, 'random').mockReturnValue(1);
    w.stream.allow(true);
    const pauses: number[] = [];
    for (let i = 0; i < 10; i++) {
      w.socket().ends(1006);
      const before = w.dialled.length;
      let waited = 0;
      while (w.dialled.length === before) {
        await vi.advanceTimersByTimeAsync(50);
        waited += 50;
      }
      pauses.push(waited);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000, 10_000, 10_000]);
    vi.mocked(Math.random).mockReturnValue(0);
    w.socket().ends(1006);
    await vi.advanceTimersByTimeAsync(5000);
    expect(w.dialled).toHaveLength(12);
  });

  it('begins with short pauses again once it was live', async () => {
    const w = world();
    vi.spyOn(Math, 'random').mockReturnValue(1);
    w.stream.allow(true);
    for (let i = 0; i < 5; i++) {
      w.socket().ends(1006);
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(w.stream.status().tries).toBeGreaterThan(0);
    w.socket().says({ kind: 'hello' });
    expect(w.stream.status()).toMatchObject({ state: 'live', tries: 0 });
    const before = w.dialled.length;
    w.socket().ends(1006);
    await vi.advanceTimersByTimeAsync(500);
    expect(w.dialled).toHaveLength(before + 1);
  });

  it('says since when, and not since the last try', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    await vi.advanceTimersByTimeAsync(3000);
    const at = Date.now();
    w.socket().ends(1006);
    expect(w.stream.status()).toMatchObject({ state: 'waiting', since: at, tries: 1 });
    await vi.advanceTimersByTimeAsync(500);
    w.socket().ends(1006);
    await vi.advanceTimersByTimeAsync(2000);
    expect(w.stream.status().since).toBe(at);
  });

  it('is tried at once when somebody asks for it', () => {
    const w = world();
    w.stream.allow(true);
    w.socket().ends(1006);
    w.stream.reconnect();
    expect(w.dialled).toHaveLength(2);
    w.stream.reconnect();
    expect(w.dialled).toHaveLength(2);
  });

  it('is tried again where a socket cannot even be made', async () => {
    const w = world();
    w.refuse(true);
    w.stream.allow(true);
    expect(w.stream.status().state).toBe('waiting');
    w.refuse(false);
    await vi.advanceTimersByTimeAsync(500);
    expect(w.dialled).toHaveLength(1);
  });
});

describe('silence', () => {
  it('is met with a question, and then taken for the end', async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.stream.follow('flows', undefined, f);
    await vi.advanceTimersByTimeAsync(4999);
    expect(w.socket().ops()).toEqual(['+flows']);
    await vi.advanceTimersByTimeAsync(1);
    expect(w.socket().ops()).toEqual(['+flows', '-are-you-there']);
    const old = w.socket();
    await vi.advanceTimersByTimeAsync(5000);
    expect(old.closed).toBeDefined();
    expect(heard).toEqual(['lost']);
    expect(w.stream.status().state).toBe('waiting');
    // What the dead one says after all is nobody's.
    old.says({ kind: 'hello' });
    old.ends(1006);
    expect(w.stream.status()).toMatchObject({ state: 'waiting', tries: 1 });
  });

  it('is none when any answer comes', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(5000);
      w.socket().says({ kind: 'refused', id: 'are-you-there', data: { code: 'not_found', title: 'There is no such subscription' } });
    }
    expect(w.dialled).toHaveLength(1);
    expect(w.stream.status().state).toBe('live');
  });

  it('also ends a connection that never says hello', async () => {
    const w = world();
    w.stream.allow(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(w.stream.status().state).toBe('waiting');
  });
});

describe('the session', () => {
  it('that has ended ends it, without another try', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.socket().ends(4401);
    expect(w.told).toEqual(['signed-out']);
    expect(w.stream.status().state).toBe('paused');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(w.dialled).toHaveLength(1);
    w.stream.allow(true);
    expect(w.dialled).toHaveLength(2);
  });

  it('with another role is told of, and connects again', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.socket().ends(4403);
    expect(w.told).toEqual(['role-changed']);
    await vi.advanceTimersByTimeAsync(500);
    expect(w.dialled).toHaveLength(2);
  });

  it('that is given up closes it, and no timer goes on', async () => {
    const w = world();
    const { f, heard } = follower();
    w.stream.follow('flows', undefined, f);
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.stream.allow(false);
    expect(w.socket().closed).toBe(1000);
    expect(heard).toEqual(['lost']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(w.dialled).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of which nobody follows anything rests until somebody does', async () => {
    const w = world();
    w.stream.allow(true);
    w.socket().says({ kind: 'hello' });
    w.socket().ends(4408);
    expect(w.stream.status().state).toBe('paused');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(w.dialled).toHaveLength(1);
    w.stream.follow('flows', undefined, follower().f);
    expect(w.dialled).toHaveLength(2);
  });
});

it('tells of each change of its state once', async () => {
  const w = world();
  const seen: string[] = [];
  w.stream.watch(() => seen.push(w.stream.status().state));
  w.stream.allow(true);
  w.stream.allow(true);
  w.socket().says({ kind: 'hello' });
  w.socket().says({ kind: 'hello' });
  w.socket().ends(1006);
  await vi.advanceTimersByTimeAsync(500);
  expect(seen).toEqual(['connecting', 'live', 'waiting', 'connecting']);
});
