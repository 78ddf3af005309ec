import { expect, test } from 'vitest';
import { asksOnly, IdempotencyKeys } from './idempotency';

const counting = () => {
  let n = 0;
  return new IdempotencyKeys(() => String(++n));
};

test('what got no answer and is sent again has the same key', () => {
  const keys = counting();
  expect(keys.of('/captures {}')).toBe('1');
  expect(keys.of('/captures {}')).toBe('1');
  expect(keys.of('/captures {"note":"other"}')).toBe('2');
});

test('what was answered and is sent again has another key', () => {
  const keys = counting();
  keys.answered(keys.of('/captures {}'));
  expect(keys.of('/captures {}')).toBe('2');
});

test('requests that nobody answers are forgotten in the end', () => {
  const keys = counting();
  for (let i = 0; i < 100; i++) keys.of(`/captures ${i}`);
  expect(keys.of('/captures 0')).toBe('101');
  expect(keys.of('/captures 99')).toBe('100');
});

test('questions need no key', () => {
  const asks = (path: string) => asksOnly(new URL(path, 'https://fcr'));
  expect(asks('/api/v1/change/dry-run')).toBe(true);
  expect(asks('/api/v1/peers/fcr-b/handover?dry_run=true')).toBe(true);
  expect(asks('/api/v1/peers/fcr-b/handover?dry_run=false')).toBe(false);
  expect(asks('/api/v1/change/apply')).toBe(false);
});
