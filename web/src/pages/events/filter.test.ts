import { expect, test } from 'vitest';
import { matchOf, queryOf, selects, withMatch, withoutMatch, type Event, type FilterView } from './filter';

const usual: FilterView = { type: '', category: '', severity: '', since: '', until: '', match: '' };
const event: Event = { number: 1, at: '2026-01-01T12:00:00Z', type: 'login.up', category: 'login', severity: 'notice', text: '', fields: { wwpn: '10:00:00:00:c9:2a:3b:4c', vsan: 7 } };

test.each<[Partial<FilterView>, boolean]>([
  [{}, true],
  [{ type: 'login' }, true],
  [{ type: 'log' }, false],
  [{ type: 'flow,login.up' }, true],
  [{ category: 'login,role' }, true],
  [{ category: 'role' }, false],
  [{ severity: 'notice' }, true],
  [{ severity: 'error' }, false],
  [{ severity: 'nonsense' }, true],
  [{ since: '2026-01-01T12:00:00Z' }, true],
  [{ until: '2026-01-01T12:00:00Z' }, false],
  [{ match: 'wwpn:10:00*' }, true],
  [{ match: 'wwpn:10:00' }, false],
  [{ match: 'vsan:7' }, false],
])('%j selects: %s', (change, want) => {
  expect(selects(queryOf({ ...usual, ...change }), event)).toBe(want);
});

test('the audit log has a place of its own', () => {
  expect(selects({}, { ...event, category: 'audit', type: 'audit.write' })).toBe(false);
});

test('a value with a comma is asked for by its beginning, and a field has one value', () => {
  expect(matchOf('roles', 'api,store')).toBe('roles:api*');
  expect(withMatch('role:a,error:x', 'role:b')).toBe('error:x,role:b');
  expect(withoutMatch('role:a,error:x', 'role:a')).toBe('error:x');
});
