import { expect, test } from 'vitest';
import { differences, lagOf, loneText, readiness, savingOf, stateOf, type Peer } from './words';

const traffic = { frames: 0, bytes: 0, units: 0, express: 0, records: 0 };
const peer = (p: Partial<Peer>): Peer => ({
  name: 'fcr-b',
  state: 'synced',
  partner: false,
  incarnation: 1,
  ready: true,
  dataplane_alive: true,
  same_policy: true,
  revision: 3,
  lag_updates: 0,
  lag_ms: 0,
  rtt_ms: 0.2,
  skew_ms: 0,
  programmed_logins: 0,
  programmed_flows: 0,
  streams: [],
  sent: traffic,
  received: traffic,
  savings: [],
  waits: [],
  ...p,
});

test('each state has its words', () => {
  const said = (['alone', 'self', 'no_certificate', 'away', 'connected', 'synced'] as const).map((state) => stateOf(peer({ state })).text);
  expect(new Set(said).size).toBe(6);
  expect(stateOf(peer({ state: 'away' })).tone).toBe('bad');
});

test('lag is what is missing and since when', () => {
  expect(lagOf(peer({}))).toBe('nothing');
  expect(lagOf(peer({ lag_updates: 1, lag_ms: 2_000 }))).toBe('1 change, the oldest 2 s old');
  expect(lagOf(peer({ state: 'self', lag_updates: 5 }))).toBe('–');
});

test('a node without others says why nobody could take over', () => {
  expect(loneText('alone')).toBe('This node has no peers: nobody could take over from it.');
  expect(loneText('no_certificate')).toBe('This node has not joined its cluster: nobody could take over from it.');
});

test('a saving needs something that was sent', () => {
  expect(savingOf([])).toBeUndefined();
  expect(savingOf([{ name: 'each_alone', bytes: 0 }])).toBeUndefined();
  expect(savingOf([{ name: 'each_alone', bytes: 1000 }, { name: 'zstd', bytes: 80 }])).toBeCloseTo(0.92);
});

test('what should be alike and is not is said', () => {
  expect(differences(peer({}))).toEqual([]);
  expect(differences(peer({ same_policy: false, skew_ms: -3_600_000, dataplane_alive: false }))).toHaveLength(3);
  expect(differences(peer({ state: 'away', same_policy: false }))).toEqual([]);
});

test('a node that is not ready says why', () => {
  expect(readiness(peer({ state: 'self', programmed_logins: 1, programmed_flows: 8 }))).toContain('1 login and 8 directions');
  expect(readiness(peer({ state: 'self', ready: false, not_ready_because: 'the partner’s logins are not all here' }))).toContain('logins are not all here');
});
