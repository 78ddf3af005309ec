import { expect, it } from 'vitest';
import { isMany } from './manyRows';

it('a list around the boundary stays as it is', () => {
  let many = false;
  const seen = [149, 150, 149, 120, 119, 149, 151].map((rows) => (many = isMany(rows, many)));
  expect(seen).toEqual([false, true, true, true, false, false, true]);
});
