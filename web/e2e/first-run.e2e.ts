import { beforeAll, describe, expect } from 'vitest';
import { accounts, daemon, everythingRuns, isObject, must, setupCode, total } from './appliance.ts';
import { looked } from './axe';
import { appears, settled, soon, table, test } from './browser';

describe('the first run', () => {
  beforeAll(async () => {
    await everythingRuns();
    await daemon.fresh();
  }, 180_000);

  test('takes at most six steps, goes on after a reload, and ends with nothing redirected', async ({ visit }) => {
    const v = await visit();
    v.allow('POST /api/v1/setup 401', 'POST /api/v1/setup 403', 'POST /api/v1/setup 422', 'GET /api/v1/* 401');
    const { page } = v;
    const found: string[] = [];
    let step = 0;
    const next = async (heading: string) => {
      await appears(page.getByRole('heading', { name: heading }));
      found.push(...(await looked(page, `first-run-${++step}`)));
    };

    await v.go('/', /Welcome|first run|Set up/i);
    await next('Welcome');
    const steps = page.getByRole('list', { name: 'Steps of the first run' }).getByRole('listitem');
    await appears(steps);
    expect(await steps.count()).toBeLessThanOrEqual(6);
    await page.getByRole('textbox', { name: 'Setup code' }).fill('abcdefgh23456789');
    await page.getByRole('button', { name: 'Next' }).click();

    // A wrong code leads back to where it was asked for.
    await next('The first administrator');
    const name = page.getByRole('textbox', { name: 'Name' });
    const passwords = page.locator('input[type=password]');
    await name.fill('alice');
    for (const field of await passwords.all()) await field.fill(accounts.alice.password);
    await page.getByRole('button', { name: 'Make administrator and sign in' }).click();
    await appears(page.getByText('This is not the code in the file'));
    await page.getByRole('textbox', { name: 'Setup code' }).fill(await setupCode());
    await page.getByRole('button', { name: 'Next' }).click();

    // Half way a reload loses nothing that was accepted.
    await appears(page.getByRole('heading', { name: 'The first administrator' }));
    await page.reload();
    await appears(page.getByRole('heading', { name: 'The first administrator' }));
    await name.fill('alice');
    for (const field of await passwords.all()) await field.fill(accounts.alice.password);
    await page.getByRole('button', { name: 'Make administrator and sign in' }).click();

    await next('Ports and links');
    await appears(table(page, 'Ports').getByRole('row').filter({ hasText: 'edge0' }).filter({ hasText: /up/ }));
    await page.reload();
    await appears(page.getByRole('heading', { name: 'Ports and links' }));
    await page.getByRole('button', { name: 'Next' }).click();

    await next('Who is on the fabric');
    await appears(table(page, 'Logins').getByRole('row').filter({ hasText: '20:00:02:fc:01:00:00:01' }));
    await page.getByRole('textbox', { name: 'Name for 20:00:02:fc:01:00:00:01' }).fill('oracle-1');
    await page.getByRole('button', { name: 'Keep 1 name as pending' }).click();
    await appears(table(page, 'Logins').getByText('oracle-1'));
    await page.getByRole('button', { name: 'Next' }).click();

    await next('Done');
    await appears(page.getByText('Monitor only: nothing is redirected until you make a policy and apply it'));
    await appears(page.getByText('1 edit is pending'));
    expect(found).toEqual([]);
    await page.getByRole('button', { name: /dashboard|finish/i }).or(page.getByRole('link', { name: /dashboard/i })).first().click();
    await appears(page.getByRole('heading', { level: 1, name: 'Dashboard' }));
    await settled(v);

    expect(await setupCode()).toBe('');
    await expect.poll(() => total('flows'), soon).toBeGreaterThan(0);
    await expect.poll(() => total('flows', 'verdict=redirect'), soon).toBe(0);
  }, 120_000);

  test('is over for good: who comes now is asked to sign in', async ({ visit }) => {
    const v = await visit();
    await v.go('/first-run', 'Sign in');
    const setup = (await must('GET', '/api/v1/setup')).body;
    expect(isObject(setup) && setup['installed']).toBe(true);
  });
});
