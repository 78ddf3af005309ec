import { expect, test } from 'vitest';
import { differences } from './diff';

test('what changed, came and went, by its path', () => {
  const before = { name: 'vera', role: 'viewer', more: { a: 1, b: [1, 2] } };
  const after = { name: 'vera', role: 'admin', more: { b: [1, 3], c: true } };
  expect(differences(before, after).map((d) => [d.path, d.kind, d.before, d.after])).toEqual([
    ['name', 'same', 'vera', 'vera'],
    ['role', 'changed', 'viewer', 'admin'],
    ['more.a', 'removed', '1', undefined],
    ['more.b', 'changed', '1, 2', '1, 3'],
    ['more.c', 'added', undefined, 'true'],
  ]);
});
test('items of a list that have names are compared by them', () => {
  expect(differences({ policies: [{ name: 'a', vsan: 1 }, { name: 'b', vsan: 2 }] }, { policies: [{ name: 'b', vsan: 2 }] }).filter((d) => d.kind !== 'same').map((d) => d.path)).toEqual(['policies[a].name', 'policies[a].vsan']);
});
test('a text that was cut short is compared as it is', () => {
  expect(differences('{"a":…', undefined)).toEqual([{ path: '', kind: 'removed', before: '{"a":…', after: undefined }]);
});
