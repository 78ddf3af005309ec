import { describe, expect, it } from 'vitest';
import { IdleClock, idleMs, warnMs, type IdleStore } from './IdleClock';

function world(at = 1_000_000_000) {
  let now = at;
  let kept: number | undefined;
  let writes = 0;
  const store: IdleStore = {
    read: () => kept,
    write(v) {
      kept = v;
      writes++;
    },
  };
  return { tab: () => new IdleClock(store, () => now), pass: (ms: number) => void (now += ms), writes: () => writes };
}

describe('the clock of nobody being there', () => {
  it('begins when the page is opened', () => expect(world().tab().left()).toBe(idleMs));

  it('comes to an end without activity, and no sooner', () => {
    const w = world();
    const tab = w.tab();
    w.pass(idleMs - warnMs - 1);
    expect(tab.left()).toBeGreaterThan(warnMs);
    w.pass(1);
    expect(tab.left()).toBe(warnMs);
    w.pass(warnMs - 1);
    expect(tab.left()).toBe(1);
    w.pass(10_000);
    expect(tab.left()).toBe(0);
  });

  it('begins again with each activity', () => {
    const w = world();
    const tab = w.tab();
    w.pass(idleMs - 1);
    tab.touch();
    expect(tab.left()).toBe(idleMs);
  });

  it('counts activity in one tab for all', () => {
    const w = world();
    const [one, other] = [w.tab(), w.tab()];
    w.pass(idleMs - 1000);
    other.touch();
    expect(one.left()).toBe(idleMs);
  });

  it('ends after a computer has slept', () => {
    const w = world();
    const tab = w.tab();
    w.pass(8 * 3_600_000);
    expect(tab.left()).toBe(0);
  });

  it('tells other tabs at most every five seconds, however much the pointer moves', () => {
    const w = world();
    const tab = w.tab();
    for (let i = 0; i < 1000; i++) {
      w.pass(10);
      tab.touch();
    }
    expect(w.writes()).toBeLessThanOrEqual(3);
    expect(tab.left()).toBe(idleMs);
  });

  it('is not held up by a clock that was set back', () => {
    const w = world();
    const [one, other] = [w.tab(), w.tab()];
    w.pass(-3_600_000);
    expect(one.left()).toBe(idleMs);
    w.pass(idleMs);
    expect(one.left()).toBe(0);
    other.touch();
    expect(one.left()).toBe(idleMs);
  });

  it('is on its own where the browser keeps nothing', () => {
    let now = 5;
    const tab = new IdleClock({ read: () => undefined, write: () => {} }, () => now);
    now += idleMs - 1;
    expect(tab.left()).toBe(1);
  });
});
