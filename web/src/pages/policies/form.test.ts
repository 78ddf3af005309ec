import { describe, expect, it } from 'vitest';
import { besides, bodyOf, emptyForm, formFrom, formOf, matchMessages, missing, type Form } from './form';
import { unlisted } from './view';

const whole: Form = { ...emptyForm, name: 'p', initiator: ['host-1'], target: ['array-a'], vsan: '10, 100-199', service: 'inspect', onFailure: 'block', note: 'n', ticket: 'CHG-7' };

describe('what is sent', () => {
  it('has what goes with the action, and nothing else', () => {
    expect(bodyOf(whole)).toEqual({
      action: 'redirect',
      match: { initiator: ['host-1'], target: ['array-a'], vsan: ['10', '100-199'] },
      service: 'inspect',
      on_failure: 'block',
      note: 'n',
      ticket: 'CHG-7',
    });
    expect(bodyOf({ ...whole, action: 'mirror', frames: 'commands' })).toMatchObject({ action: 'mirror', frames: 'commands', service: 'inspect' });
    expect(bodyOf({ ...whole, action: 'mirror' })).not.toHaveProperty('on_failure');
    expect(bodyOf({ ...whole, action: 'drop', frames: 'commands' })).toEqual({ action: 'drop', match: { initiator: ['host-1'], target: ['array-a'], vsan: ['10', '100-199'] }, note: 'n', ticket: 'CHG-7' });
  });
  it('of an empty match is every flow', () => expect(bodyOf({ ...emptyForm, action: 'forward' })).toEqual({ action: 'forward', match: {} }));
  it('says a place where one was chosen', () => {
    expect(bodyOf({ ...whole, place: 'first' }).place).toEqual({ position: 1 });
    expect(bodyOf({ ...whole, place: 'before', other: 'q' }).place).toEqual({ before: 'q' });
    expect(bodyOf({ ...whole, place: 'after', other: 'q' }).place).toEqual({ after: 'q' });
    expect(bodyOf({ ...whole, place: 'position', position: '7' }).place).toEqual({ position: 7 });
    expect(bodyOf(whole)).not.toHaveProperty('place');
  });
});

describe('a form', () => {
  it('of a policy is that policy again', () => {
    const policy = { name: 'p', ...bodyOf(whole), position: 3, version: 5 };
    expect(formOf(policy)).toEqual(whole);
  });
  it('is filled by what a flow has', () => {
    expect(formFrom({ initiator: 'host-1', target: 'array-a', vsan: '0' })).toMatchObject({ initiator: ['host-1'], target: ['array-a'], vsan: '', name: 'host-1 to array-a' });
    expect(formFrom({ initiator: '', target: '', vsan: '12' })).toMatchObject({ initiator: [], vsan: '12', name: '' });
  });
  it('says what is missing', () => {
    expect(missing(emptyForm)).toBe('It needs a name.');
    expect(missing({ ...whole, service: '' })).toBe('To redirect it needs a service.');
    expect(missing({ ...whole, place: 'after' })).toBeDefined();
    expect(missing({ ...whole, place: 'position', position: 'x' })).toBeDefined();
    expect(missing(whole)).toBeUndefined();
  });
});

it('shows theirs beside mine', () => {
  const differ = besides(whole, { ...whole, ticket: 'CHG-8', disabled: true }).filter((f) => f.mine !== f.theirs);
  expect(differ).toEqual([
    { label: 'State', mine: 'enabled', theirs: 'disabled' },
    { label: 'Ticket', mine: 'CHG-7', theirs: 'CHG-8' },
  ]);
});

it('tells the sides of a match apart', () => {
  const say = (location: string, message: string) => ({ location, message });
  expect(matchMessages([say('body/match', 'rule xx: initiator: no alias is called this.'), say('body/match', 'rule xx: target: neither.'), say('body/match/vsan', 'must be numbers')])).toEqual({
    initiator: 'no alias is called this.',
    target: 'neither.',
    vsan: 'must be numbers',
  });
  expect(matchMessages(undefined)).toEqual({});
});

it('counts the policies that are not listed', () => expect([unlisted(1), unlisted(1200)]).toEqual(['1 more policy is not listed.', '1,200 more policies are not listed.']));
