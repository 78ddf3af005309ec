import { afterAll, beforeAll, describe, expect } from 'vitest';
import { configure, everythingRuns, isObject, rest, service, total } from './appliance.ts';
import { appears, gone, soon, table, test } from './browser';

const redirecting = `
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: bypass}]
policies: [{name: through it, match: {initiator: "20:00:02:fc:01:00:00:01"}, action: redirect, service: inspect}]
`;

/** acknowledgeAll: what other tests left behind is known. */
async function acknowledgeAll(): Promise<void> {
  const { body } = await rest('GET', '/api/v1/alarms?limit=500');
  if (!isObject(body) || !Array.isArray(body['items'])) return;
  for (const a of body['items']) if (isObject(a)) await rest('POST', `/api/v1/alarms/${encodeURIComponent(String(a['id']))}/acknowledge`, { body: { note: 'known' } });
}

describe('a service that dies', () => {
  beforeAll(async () => {
    await everythingRuns();
    await configure(redirecting); // nobody misses a service that no policy uses
    await acknowledgeAll();
  });
  afterAll(async () => {
    await service.start();
    await configure();
  });

  test('raises an alarm with its cause and its consequence, on every page; an operator acknowledges it, and it clears when it is back', async ({ visit }) => {
    const v = await visit({ as: 'oscar' });
    const elsewhere = await visit({ as: 'vera' });
    await v.go('/alarms?code=service.down', 'Alarms');
    await elsewhere.go('/', 'Dashboard');
    await appears(v.page.getByText('No such alarms'));

    await service.stop();
    const alarm = v.page.getByRole('article', { name: /^service\.down, inspect:/ });
    await appears(alarm);
    await appears(alarm.getByText('Major').or(alarm.getByText('major')));
    await appears(alarm.getByText(/port svc0 has no link/i));
    await appears(alarm.getByText(/take their direct way past it .* or stop/));
    await appears(alarm.getByText(/go back to it by themselves/));
    // Who looks at something else is told too.
    await appears(elsewhere.page.getByRole('button', { name: '1 open alarm' }));
    await appears(table(elsewhere.page, 'Alarms').getByText('service.down'));

    await alarm.getByRole('button', { name: /^Acknowledge service\.down/ }).click();
    const dialog = v.page.getByRole('dialog');
    await dialog.getByRole('textbox').first().fill('The machine is being moved');
    await dialog.getByRole('button', { name: /^Acknowledge/ }).click();
    await appears(alarm.getByText('The machine is being moved'));
    await appears(elsewhere.page.getByRole('button', { name: 'No open alarms' }));

    await service.start();
    await gone(alarm);
    await appears(v.page.getByText('No such alarms'));
    await expect.poll(() => total('alarms', 'code=service.down&state=cleared'), soon).toBe(1);
  });

  test('leaves its flows to their direct way, and they say so while it lasts', async ({ visit }) => {
    const v = await visit({ as: 'vera' });
    await v.go('/flows?initiator=20:00:02:fc:01:00:00:01', 'Flows');
    const flows = table(v.page, 'Flows').getByRole('row').filter({ hasText: 'redirect' });
    await appears(flows.filter({ hasText: 'active' }));
    await service.stop();
    await appears(flows.filter({ hasText: 'bypassed' }));
    await service.start();
    await appears(flows.filter({ hasText: 'active' }));
  });

  test('is shown as down with what happens to its flows, on the page of services', async ({ visit }) => {
    const v = await visit({ as: 'oscar' });
    await v.go('/services', 'Services');
    const row = v.page.getByRole('row').filter({ hasText: 'inspect' });
    await appears(row.getByText(/^up$/i));
    await service.stop();
    await appears(row.getByText(/^down$/i));
    await appears(row.getByText(/bypass/i));
    await service.start();
    await appears(row.getByText(/^up$/i));
  });
});
