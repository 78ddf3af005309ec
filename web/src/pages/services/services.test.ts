import { describe, expect, it } from 'vitest';
import { bodyOf, emptyForm, formOf, missing, sideMessages } from './form';
import { asked, downSeconds, flipsOf, stretchesOf } from './history';
import { consequence, drainText, failureText, healthOf } from './words';

const at = (s: number) => new Date(s * 1000).toISOString();
const event = (number: number, s: number, type: string, name = 'a, b*') => ({ number, at: at(s), type, fields: { name } });

describe('the history of a service', () => {
  const flips = flipsOf('a, b*', [event(3, 300, 'service.up'), event(2, 200, 'service.down'), event(1, 50, 'service.up'), event(9, 310, 'flow.failed'), event(8, 305, 'service.down', 'a')]);
  it('is asked for by name, or where that has a comma or a star by its beginning', () => {
    expect(asked('inspect: 1')).toEqual({ match: ['name:inspect: 1'], limit: 200 });
    expect([asked('a, b*').match, asked('all*').match, asked(',').match]).toEqual([['name:a*'], ['name:all*'], undefined]);
  });
  it('has flips of this one, the newest first, and nothing else', () => expect(flips.map((f) => f.number)).toEqual([3, 2, 1]));
  it('knows from the event before how it was at the beginning', () => {
    const s = stretchesOf(flips, 100_000, 400_000);
    expect(s).toEqual([
      { from: 100_000, to: 200_000, state: 'up' },
      { from: 200_000, to: 300_000, state: 'down' },
      { from: 300_000, to: 400_000, state: 'up' },
    ]);
    expect(downSeconds(s)).toBe(100);
  });
  it('does not know what was before the first event', () =>
    expect(stretchesOf(flips, 0, 100_000)).toEqual([
      { from: 0, to: 50_000, state: 'unknown' },
      { from: 50_000, to: 100_000, state: 'up' },
    ]));
  it('is one stretch where nothing happened', () => expect(stretchesOf([], 0, 10)).toEqual([{ from: 0, to: 10, state: 'unknown' }]));
  it('joins what is the same', () => expect(stretchesOf(flipsOf('a, b*', [event(1, 10, 'service.up'), event(2, 20, 'service.up')]), 10_000, 30_000)).toEqual([{ from: 10_000, to: 30_000, state: 'up' }]));
});

describe('a service in words', () => {
  it('is as the newest sample says, where the active configuration has it', () => {
    expect(healthOf({ name: 'a', state: 'up' }, [{ name: 'a', up: false }])).toBe('down');
    expect(healthOf({ name: 'a', state: 'up' }, [])).toBe('up');
    expect(healthOf({ name: 'a', state: 'unknown' }, [{ name: 'a', up: true }])).toBe('unknown');
    expect(healthOf({ name: 'a' }, undefined)).toBe('unknown');
  });
  it('says what happens on failure', () => {
    expect(failureText({ mode: 'steer' })).toMatch(/^Bypass/);
    expect(failureText({ mode: 'steer', on_failure: 'block' })).toMatch(/^Block/);
    expect(failureText({ mode: 'mirror' })).toMatch(/copies are left out/);
  });
  it('says what follows', () => {
    expect(consequence({ mode: 'steer', used_by: ['p'], on_failure: 'block' }, 'down')).toMatch(/dropped/);
    expect(consequence({ mode: 'steer', used_by: ['p'] }, 'down')).toMatch(/direct way/);
    expect(consequence({ mode: 'steer', used_by: [] }, 'down')).toMatch(/No policy/);
    expect(drainText({ used_by: ['p'], active: { flows: 2, frames: 1, bytes: 1 } })).toMatch(/^Policy p is disabled. 2 flows go/);
  });
});

describe('the form', () => {
  it('sends what goes with the mode', () => {
    const steer = { ...emptyForm, name: 's', port: 'svc0', mac: '02:fc:5e:00:00:01', vlan: '7', onFailure: 'block' as const };
    expect(bodyOf(steer)).toEqual({ mode: 'steer', port: 'svc0', mac: '02:fc:5e:00:00:01', vlan: 7, on_failure: 'block' });
    expect(bodyOf({ ...steer, mode: 'mirror', mac: '', vlan: '' })).toEqual({ mode: 'mirror', port: 'svc0' });
    expect(formOf({ name: 's', ...bodyOf(steer) })).toEqual(steer);
  });
  it('says what is missing', () => {
    expect(missing(emptyForm)).toBeDefined();
    expect(missing({ ...emptyForm, name: 's', port: 'svc0' })).toBe('To get frames it needs a MAC address.');
    expect(missing({ ...emptyForm, name: 's', port: 'svc0', mode: 'mirror' })).toBeUndefined();
    expect(missing({ ...emptyForm, name: 's', port: 'svc0', mode: 'mirror', vlan: '4095' })).toBeDefined();
  });
  it('finds the field of what is said of the whole', () => expect(sideMessages([{ location: 'body', message: 'service xx has no mac' }]).mac).toBe('service xx has no mac'));
});
