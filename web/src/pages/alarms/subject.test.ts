import { expect, test } from 'vitest';
import { subjectOf } from './subject';

test.each([
  [undefined, 'this node', undefined],
  ['service/inspect', 'inspect', '/services?service=inspect'],
  ['peer/node b', 'node b', '/peers?peer=node%20b'],
  ['capture/17', '17', '/captures?open=17'],
  ['port/edge 0', 'edge 0', '/ports?open=edge%200'],
  ['lcore/0', 'lcore 0', '/queues'],
  ['store/0', 'store/0', '/system?tab=roles&role=store'],
  ['store/0/1', 'store/0/1', '/system?tab=roles&role=store'],
  ['store/0/lcore1', 'store/0/lcore1', '/queues'],
  ['process/4711', 'process 4711', '/system?tab=roles'],
  ['something', 'something', undefined],
])('%s is called %s and is found at %s', (subject, name, href) => {
  const s = subjectOf(subject);
  expect([s.name, s.href]).toEqual([name, href]);
});
