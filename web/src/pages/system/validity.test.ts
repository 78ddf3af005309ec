import { expect, test } from 'vitest';
import { validity } from './validity';

const from = '2026-01-01T00:00:00Z';
const to = '2027-01-01T00:00:00Z';

test.each([
  ['2025-12-31T12:00:00Z', 'bad', 'not valid yet, in 1 day'],
  ['2026-01-01T00:00:00Z', 'good', '365 days left'],
  ['2026-12-02T00:00:00Z', 'good', '30 days left'],
  ['2026-12-02T00:00:01Z', 'warning', '29 days left'],
  ['2026-12-26T00:00:00Z', 'bad', '6 days left'],
  ['2026-12-31T12:00:00Z', 'bad', 'less than a day left'],
  ['2027-01-01T00:00:00Z', 'bad', 'ran out today'],
  ['2027-01-03T01:00:00Z', 'bad', 'ran out 2 days ago'],
])('at %s it is %s: %s', (at, tone, text) => {
  expect(validity(from, to, Date.parse(at))).toEqual({ tone, text });
});
