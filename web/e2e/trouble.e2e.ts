import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { configure, everythingRuns, isObject, load, must } from './appliance.ts';
import { appears, gone, test } from './browser';

const unavailable = { type: '/api/docs#problem-database_unavailable', title: 'The database cannot be reached', status: 503, code: 'database_unavailable', detail: 'Try again later.', request_id: 'E2E' };

const fails = (route: Route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(unavailable) });

/** Exactly this list, whatever its query. */
const listOf = (noun: string) => new RegExp(`/api/v1/${noun}(\\?.*)?$`);

/** newest is the number of the last event. */
async function newest(): Promise<number> {
  const { body } = await must('GET', '/api/v1/events?limit=1');
  const [last]: unknown[] = isObject(body) && Array.isArray(body['items']) ? body['items'] : [];
  return isObject(last) ? Number(last['number']) : Number.NaN;
}

/** elements is how many elements the page has: what comes and comes must not pile up. */
const elements = (page: Page): Promise<number> => page.evaluate(() => document.querySelectorAll('*').length);

describe('when something is wrong', () => {
  beforeAll(everythingRuns);

  for (const [path, title, noun] of [['/aliases', 'Aliases', 'aliases'], ['/ports', 'Ports', 'ports'], ['/services', 'Services', 'services'], ['/events', 'Audit and events', 'events']] as const) {
    test(`a list that cannot be read says why, and is there when it is asked for again: ${title}`, async ({ visit }) => {
      const v = await visit({ as: 'alice' });
      v.allow(`GET /api/v1/${noun} 503`);
      await v.page.route(listOf(noun), fails);
      await v.go(path, title);
      await appears(v.page.getByRole('main').getByText('The database cannot be reached')); // it tries a few times by itself
      await v.page.unroute(listOf(noun));
      await v.page.getByRole('main').getByRole('button', { name: 'Try again' }).first().click();
      await gone(v.page.getByRole('main').getByText('The database cannot be reached'));
    });
  }

  test('a slow appliance is waited for without an error, and the page says that it loads', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    let seen = () => {};
    const loads = new Promise<void>((resolve) => (seen = resolve));
    await v.page.route(listOf('aliases'), async (route) => {
      await Promise.all([loads, new Promise((resolve) => setTimeout(resolve, 3_000))]);
      await route.continue();
    });
    await v.go('/aliases', 'Aliases');
    await appears(v.page.locator('#main [aria-busy="true"], #main .pf-v6-c-skeleton'));
    seen();
    await gone(v.page.locator('#main [aria-busy="true"], #main .pf-v6-c-skeleton'));
    expect(await v.page.getByRole('main').getByText(/went wrong|failed|cannot be/i).count()).toBe(0);
  });

  test('an answer that is no JSON, or none at all, is told of in words', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    v.allow('GET /api/v1/aliases 502', 'GET /api/v1/ports net::ERR_FAILED');
    await v.page.route(listOf('aliases'), (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1><script>document.title="taken"</script>' }));
    await v.page.route(listOf('ports'), (route) => route.abort('failed'));
    await v.go('/aliases', 'Aliases');
    await appears(v.page.getByRole('main').getByRole('button', { name: 'Try again' }));
    await v.go('/ports', 'Ports');
    await appears(v.page.getByRole('main').getByRole('button', { name: 'Try again' }));
    expect(await v.page.title()).toContain('FC-Redirect');
  });

  test('what was typed stays when it cannot be saved', async ({ visit }) => {
    const v = await visit({ as: 'paula' });
    v.allow('PUT /api/v1/policies/kept 503');
    await v.page.route(/\/api\/v1\/policies\/kept(\?.*)?$/, (route) => (route.request().method() === 'PUT' && !route.request().url().includes('dry_run') ? fails(route) : route.continue()));
    await v.go('/policies?new=1', 'Policies');
    await v.page.getByRole('textbox', { name: 'Name' }).fill('kept');
    await v.page.getByRole('combobox', { name: 'Action' }).selectOption('forward');
    await v.page.getByRole('textbox', { name: 'Note' }).fill('three lines of thought');
    await v.page.getByRole('button', { name: 'Save as pending' }).click();
    await appears(v.page.getByText('The database cannot be reached'));
    expect(await v.page.getByRole('textbox', { name: 'Note' }).inputValue()).toBe('three lines of thought');
    await v.page.unroute(/\/api\/v1\/policies\/kept(\?.*)?$/);
    await v.page.getByRole('button', { name: 'Save as pending' }).click();
    await appears(v.page.getByText('Saved. The edit is pending and decides nothing yet'));
    await configure();
  });

  describe('a flood of events', () => {
    const flows = 12_000;
    const all = 'services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]\npolicies: [{name: all, match: {vsan: 200}, action: mirror, service: copies}]'.replace(
      'services: [',
      'services: [{name: copies, mode: mirror, port: svc0}, ',
    );
    beforeAll(() => load.start(flows, 12_000));
    afterAll(async () => {
      await load.stop();
      await configure();
    });

    test('is followed without the page growing or standing still', async ({ visit }) => {
      const v = await visit({ as: 'alice' });
      await v.go('/events', 'Audit and events');
      await appears(v.page.getByRole('row').nth(1));
      await expect.poll(load.count, { timeout: 60_000, interval: 1_000 }).toBeGreaterThanOrEqual(flows);
      const before = await elements(v.page);
      const first = await newest();
      for (let i = 0; i < 2; i++) {
        await configure(all);
        await configure();
      }
      // It answers in the middle of it.
      const began = Date.now();
      await v.page.getByRole('button', { name: 'Pause' }).click();
      await v.page.getByRole('button', { name: 'Go on' }).click();
      await appears(v.page.getByRole('button', { name: 'Pause' }));
      expect(Date.now() - began).toBeLessThan(5_000);
      // A change tells of every flow, unless the next one comes before; and the list comes as far as the log.
      let last = first;
      await expect.poll(async () => (last = await newest()) - first, { timeout: 60_000, interval: 1_000 }).toBeGreaterThan(2 * flows);
      const top = v.page.getByRole('table', { name: 'Events, the newest first' }).getByRole('row').nth(1).getByRole('button');
      const shown = async () => {
        await top.evaluate((row) => row instanceof HTMLElement && row.click()); // a mouse would have to run after it
        return Number(new URL(v.page.url()).searchParams.get('open'));
      };
      await expect.poll(shown, { timeout: 40_000 }).toBeGreaterThanOrEqual(last);
      expect(await elements(v.page)).toBeLessThan(before + 6_000);
    }, 240_000);
  });
});
