import { expect, test } from 'vitest';
import type { Event } from './filter';
import { keep, merge, resume, Tail } from './tail';

const event = (number: number): Event => ({ number, at: '2026-01-01T00:00:00Z', type: 'role.started', category: 'role', severity: 'info', text: '', fields: {} });
const events = (...numbers: number[]) => numbers.map(event);
const numbers = (list: readonly Event[]) => list.map((e) => e.number);

test('what comes stands before what was there, the newest first', () => {
  expect(numbers(merge(events(3, 2, 1), events(4, 5)))).toEqual([5, 4, 3, 2, 1]);
});
test('what is there already is not there twice, and what is between comes between', () => {
  expect(numbers(merge(events(5, 3), events(5, 4, 4, 3, 2)))).toEqual([5, 4, 3, 2]);
});
test('the newest are kept', () => {
  expect(numbers(merge(events(3, 2, 1), events(4, 5), 3))).toEqual([5, 4, 3]);
});
test('after a gap the head of the log stands instead of what was there', () => {
  expect(numbers(resume(events(3, 2), events(9, 8)))).toEqual([9, 8]);
  expect(numbers(resume(events(3, 2), events(4, 3)))).toEqual([4, 3, 2]);
  expect(numbers(resume([], events(4, 3)))).toEqual([4, 3]);
});
test('a flood is given out once a frame, and no more than is kept', () => {
  const frames: (() => void)[] = [];
  let told = 0;
  const tail = new Tail(() => told++, (then) => frames.push(then));
  for (let i = 0; i < 50_000; i += 100) tail.add(events(...Array.from({ length: 100 }, (_, n) => i + n)));
  expect(frames.length).toBe(1);
  frames[0]?.();
  expect([told, tail.items.length, tail.items[0]?.number, tail.come]).toEqual([1, keep, 49_999, 50_000]);
});
