import { expect, test } from 'vitest';
import { consequence, ordersFor } from './consequences';

test('an order says for how long something is missing, and that traffic flows', () => {
  expect(consequence('stop', 'telemetry')).toMatch(/^Until it is started.*gap afterwards\. Traffic is not affected\.$/);
  expect(consequence('restart', 'store')).toMatch(/^For a moment: Flow figures/);
  expect(consequence('start', 'database')).not.toContain('PostgreSQL');
});

test('role api is not offered to be stopped: it refuses that', () => {
  expect(ordersFor('api', 'run')).toEqual(['restart']);
  expect(ordersFor('store', 'run')).toEqual(['restart', 'stop']);
  expect(ordersFor('api', 'stop')).toEqual(['start']);
});
