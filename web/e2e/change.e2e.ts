import type { Locator, Page } from 'playwright-core';
import { beforeEach, describe, expect } from 'vitest';
import { asUser, configure, everythingRuns, isObject, must, total } from './appliance.ts';
import { appears, gone, openFlow, soon, table, test } from './browser';

const host = '20:00:02:fc:01:00:00:01';
const array = '20:00:02:fc:0a:00:00:0a';

const timer = (page: Page): Locator => page.getByRole('timer');
const banner = (page: Page): Locator => page.getByText(/is live and reverts by itself in/);

/** now is what a chart says of its last value, in the words for who does not see it. */
const now = async (page: Page, chart: string): Promise<string> => (await page.getByRole('figure', { name: chart }).locator('figcaption').textContent()) ?? '';

/** percent is the number in "now 23 %"; before there is one it is none. */
const percent = (text: string): number => Number(/now ([\d.,]+)\s*%/.exec(text)?.[1]?.replace(',', '.') ?? Number.NaN);

const policy = { match: { initiator: [host], target: [array] }, action: 'redirect', service: 'inspect' };

/** pend makes a policy pending, as somebody would by a script. */
async function pend(user: string, name: string, body: object = policy): Promise<void> {
  const put = await asUser(user, 'PUT', `/api/v1/policies/${encodeURIComponent(name)}`, { body, headers: { 'If-None-Match': '*' } });
  if (put.status >= 400) throw new Error(JSON.stringify(put.body));
}

describe('a change', () => {
  beforeEach(everythingRuns);

  test('of a name and a policy from a flow is tried, applied, seen on every page, confirmed, and redirects', async ({ visit }) => {
    const v = await visit({ as: 'paula' });
    const { page } = v;
    const watcher = await visit({ as: 'vera' });
    await watcher.go('/', 'Dashboard');

    await v.go('/flows', 'Flows');
    await openFlow(page, host, array);
    await page.getByRole('link', { name: 'Give it a name' }).first().click();
    const naming = page.getByRole('dialog', { name: 'Name a WWPN' });
    await expect.poll(() => naming.getByRole('textbox', { name: 'WWPN' }).inputValue(), soon).toBe(host);
    await naming.getByRole('textbox', { name: 'Name' }).fill('oracle-1');
    await naming.getByRole('button', { name: 'Save' }).click();
    await appears(page.getByRole('row').filter({ hasText: 'oracle-1' }).filter({ hasText: host }));

    await v.go('/flows', 'Flows');
    await openFlow(page, host, array); // its name is pending, and not shown yet
    await page.getByRole('button', { name: 'Make a policy from this' }).click();
    const form = page.getByRole('form', { name: 'New policy' });
    await form.getByRole('textbox', { name: 'Name' }).fill('inspect oracle');
    await form.getByRole('combobox', { name: 'Action' }).selectOption('redirect');
    await form.getByRole('combobox', { name: /^Service/ }).selectOption('inspect');
    await appears(page.getByText('The appliance would take it like this.'));
    await page.getByRole('button', { name: 'Save as pending' }).click();
    await appears(page.getByText('Saved. The edit is pending and decides nothing yet'));

    await page.getByRole('button', { name: 'Show which flows would change' }).click();
    await appears(page.getByRole('list', { name: 'Verdicts that change' }).getByText('1 flow'));
    // Until it is applied nothing is redirected.
    await expect.poll(async () => percent(await now(watcher.page, 'Redirected share')), soon).toBe(0);

    await page.getByRole('link', { name: 'Review and apply' }).click();
    await page.getByRole('button', { name: 'Apply…' }).click();
    const dialog = page.getByRole('dialog', { name: /^Apply 2 edits/ });
    await appears(dialog.getByText('reverts by itself in 1 min unless you confirm'));
    await dialog.getByRole('textbox', { name: 'Note' }).fill('Look into oracle');
    await dialog.getByRole('button', { name: 'Apply now' }).click();

    // The countdown is on every page, for everybody who is signed in, and goes down.
    await appears(banner(watcher.page));
    const first = await timer(watcher.page).first().getAttribute('aria-label');
    await page.getByRole('link', { name: 'Alarms', exact: true }).click();
    await appears(page.getByRole('heading', { level: 1, name: 'Alarms' }));
    await appears(banner(page));
    await expect.poll(() => timer(watcher.page).first().getAttribute('aria-label'), soon).not.toBe(first);
    expect(await watcher.page.getByRole('button', { name: 'Confirm' }).count()).toBe(0);

    // It redirects: on the chart of somebody who was there all the time, and on the topology.
    await expect.poll(async () => percent(await now(watcher.page, 'Redirected share')), soon).toBeGreaterThan(5);
    await watcher.go('/topology', 'Topology');
    await appears(watcher.page.getByText(/Redirected through services: 1 flow with /));

    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    await gone(banner(page));
    await gone(banner(watcher.page));
    const last = async () => {
      const { body } = await must('GET', '/api/v1/change');
      return isObject(body) && isObject(body['last']) && body['last']['what'];
    };
    await expect.poll(last, soon).toBe('confirmed');
    await v.go('/policies?on=active', 'Policies');
    await appears(page.getByRole('row').filter({ hasText: 'inspect oracle' }).getByRole('gridcell', { name: '1', exact: true }));
  }, 120_000);

  test('that nobody confirms is taken back by itself, and an alarm says so', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await pend('alice', 'left alone');
    await v.go('/changes', 'Changes');
    await appears(v.page.getByText('left alone'));
    await asUser('alice', 'POST', '/api/v1/change/apply', { body: { window_s: 15 } });
    await appears(v.page.getByRole('heading', { name: /is live and waits to be confirmed/ }));
    await gone(banner(v.page));
    await appears(v.page.getByRole('heading', { name: '1 edit is pending, and decides nothing yet' }));
    await v.go('/alarms', 'Alarms');
    await appears(v.page.getByRole('article', { name: /^change\.unconfirmed-reverted/ }));
    await expect.poll(() => total('flows', 'verdict=redirect'), soon).toBe(0);
  });

  test('that somebody else makes while one types is shown beside one’s own, and nothing typed is lost', async ({ visit }) => {
    await pend('alice', 'shared');
    const [a, b] = [await visit({ as: 'alice' }), await visit({ as: 'alice' })];
    for (const v of [a, b]) {
      v.allow('PUT /api/v1/policies/shared 412');
      await v.go('/policies?policy=shared', 'Policies');
      await v.page.getByRole('textbox', { name: 'Note' }).waitFor();
    }
    await a.page.getByRole('textbox', { name: 'Note' }).fill('mine');
    await b.page.getByRole('textbox', { name: 'Note' }).fill('theirs');
    await b.page.getByRole('button', { name: 'Save as pending' }).click();
    await appears(b.page.getByText('Saved. The edit is pending and decides nothing yet'));

    const beside = table(a.page, 'Theirs beside yours');
    await a.page.getByRole('button', { name: 'Save as pending' }).click({ timeout: 5_000 }).catch(() => {}); // it may know already, and not offer it
    await appears(beside);
    await appears(beside.getByRole('row').filter({ hasText: 'mine' }).filter({ hasText: 'theirs' }));
    expect(await a.page.getByRole('textbox', { name: 'Note' }).inputValue()).toBe('mine');
  });

  test('is refused while somebody else edits, with who that is and since when', async ({ visit }) => {
    await pend('alice', 'locked');
    const v = await visit({ as: 'paula' });
    await v.go('/policies', 'Policies');
    await appears(v.page.getByText('Nothing can be edited here: alice edits'));
    expect(await v.page.getByRole('button', { name: 'New policy' }).count()).toBe(0);
    await v.go('/changes', 'Changes');
    await v.page.getByRole('button', { name: 'Take over…' }).click();
    await v.page.getByRole('dialog', { name: 'Take the lock from alice?' }).getByRole('button', { name: 'Take over from alice' }).click();
    await appears(v.page.getByText(/You have the lock/));
    await v.page.getByRole('button', { name: 'Discard…' }).click();
    await v.page.getByRole('dialog').getByRole('button', { name: 'Discard 1 edit' }).click();
    await appears(v.page.getByRole('heading', { name: 'Nothing is pending' }).first());
  });

  test('with an error in it is named, and cannot be applied', async ({ visit }) => {
    const v = await visit({ as: 'paula' });
    await v.go('/policies?new=1', 'Policies');
    const form = v.page.getByRole('form', { name: 'New policy' });
    v.allow('PUT /api/v1/policies/* 4*');
    await form.getByRole('textbox', { name: 'Name' }).fill('wrong');
    await form.getByRole('combobox', { name: 'Action' }).selectOption('redirect');
    await expect.poll(() => v.page.getByRole('button', { name: 'Save as pending' }).isDisabled(), soon).toBe(true);
    await form.getByRole('combobox', { name: /^Service/ }).selectOption('inspect');
    await form.getByRole('textbox', { name: 'VSANs' }).fill('5000');
    await appears(v.page.getByText(/4094|4095/).last());
    await configure();
  });
});
