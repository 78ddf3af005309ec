import { describe, expect, it } from 'vitest';
import type { Schema } from '../../api/client';
import { pageOf, sentenceOf, stepsOf } from './steps';

const ref = { revision: 3, document: 'd' };
const idle: Schema['Change'] = { phase: 'idle', active: { ...ref, generation: 4 }, confirmed: ref, dataplane: true };
const pending = { base: ref, outdated: false, edits: 2, by: 'alice', since: '2026-01-01T00:00:00Z', changed: '2026-01-01T00:00:00Z' };
const lock = { owner: 'alice', since: '2026-01-01T00:00:00Z' };
const all = () => true;

describe('what is offered', () => {
  it('is nothing to apply or discard while nothing is pending', () => {
    expect(stepsOf(idle, 'alice', all)).toMatchObject({ edit: true, apply: false, discard: false, unlock: false, takeOver: false, rebase: false });
  });
  it('is everything to the owner of the lock', () => {
    expect(stepsOf({ ...idle, pending, lock }, 'alice', all)).toMatchObject({ edit: true, apply: true, discard: true, unlock: true, takeOver: false });
  });
  it('is to take over, and nothing else, to somebody else', () => {
    expect(stepsOf({ ...idle, pending, lock }, 'paul', all)).toEqual({ edit: false, apply: false, discard: false, unlock: false, takeOver: true, rebase: false, settleDrift: false });
  });
  it('is nothing to whom the role forbids it', () => {
    expect(Object.values(stepsOf({ ...idle, pending, lock }, 'vera', () => false)).some(Boolean)).toBe(false);
  });
  it('is to make the edits again, rather than to apply them, when something else decides by now', () => {
    expect(stepsOf({ ...idle, pending: { ...pending, outdated: true }, lock }, 'alice', all)).toMatchObject({ apply: false, rebase: true });
  });
  it('is no edit while a revision waits', () => {
    const waits: Schema['Change'] = { ...idle, phase: 'window', pending, lock, window: { revision: 4, by: 'alice', deadline: '2026-01-01T00:01:00Z', seconds_left: 9, window_s: 60 } };
    expect(stepsOf(waits, 'alice', all)).toMatchObject({ edit: false, apply: false, discard: false });
    expect(sentenceOf(waits)).toBe('Revision 4 is live and waits to be confirmed');
  });
});

describe('the sentence', () => {
  it('counts edits', () => {
    expect(sentenceOf({ ...idle, pending })).toBe('2 edits are pending, and decide nothing yet');
    expect(sentenceOf({ ...idle, pending: { ...pending, edits: 1 } })).toBe('1 edit is pending, and decides nothing yet');
  });
  it('says which revision decides', () => expect(sentenceOf(idle)).toBe('Nothing is pending; revision 3 decides'));
  it('knows an appliance without a configuration', () => {
    const empty = { revision: 0, document: '' };
    expect(sentenceOf({ ...idle, active: { ...empty, generation: 1 }, confirmed: empty })).toContain('direct way');
  });
});

it('names any object in an address', () => {
  expect(pageOf('policy', 'a & b')).toBe('/policies?policy=a+%26+b');
  expect(pageOf('set', 'hosts')).toBe('/aliases?tab=sets&search=hosts');
  expect(pageOf('other', 'x')).toBeUndefined();
});
