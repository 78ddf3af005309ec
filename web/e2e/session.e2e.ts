import type { Page } from 'playwright-core';
import { beforeAll, describe, expect } from 'vitest';
import { idleMinutes, idleMs } from '../src/app/IdleClock';
import { accounts, daemon, everythingRuns, must, signedIn } from './appliance.ts';
import { appears, gone, soon, test } from './browser';

/** What a page asks while the daemon is away, or comes back. */
const away = ['* /api/* net::ERR_*', '* /api/* 502', '* /api/* 503'];

const live = (page: Page) => page.getByRole('banner').getByText('Live', { exact: true });
const dialog = (page: Page) => page.getByRole('dialog', { name: 'Your session has ended' });

async function signIn(page: Page, name: keyof typeof accounts, password: string = accounts[name].password): Promise<void> {
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** An account whose password is guessed at, besides those that other tests need. */
const mia = 'eleven hundred frames';

/** endSessions revokes all sessions of an account, as an admin elsewhere would. */
const endSessions = (user: string) => must('DELETE', `/api/v1/sessions?user=${user}`);

/** mark is there until the page is loaded again. */
const mark = (page: Page) => page.evaluate(() => void document.documentElement.setAttribute('data-mark', 'here'));
const marked = (page: Page) => page.evaluate(() => document.documentElement.hasAttribute('data-mark'));

describe('sessions', () => {
  beforeAll(everythingRuns);

  test('a wrong password is told of in words, and the name stays', async ({ visit }) => {
    const v = await visit();
    v.allow('POST /api/v1/sessions 401');
    await v.go('/', 'Sign in');
    await signIn(v.page, 'oscar', 'not the password');
    await appears(v.page.getByRole('heading', { name: /Danger alert/i }).or(v.page.getByText(/wrong|not right|do not/i)));
    expect(await v.page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('oscar');
    await expect.poll(() => v.page.getByRole('textbox', { name: 'Password' }).inputValue(), soon).toBe('');
  });

  test('after wrong passwords the right one is refused too for a while, the door says how long, and lets in then', async ({ visit }) => {
    await must('PUT', '/api/v1/users/mia', { body: { role: 'viewer', password: mia }, headers: { 'If-None-Match': '*' } });
    // Who has been here before is counted on its own: nobody else who comes from this machine has to wait.
    expect(await signedIn('mia', mia)).toBe(201);
    const v = await visit();
    v.allow('POST /api/v1/sessions 429');
    await v.go('/', 'Sign in');
    await v.page.getByRole('textbox', { name: 'Name' }).fill('mia'); // before, for the door is shut for seconds only
    await v.page.getByRole('textbox', { name: 'Password' }).fill(mia);
    let wrong = 0;
    await expect.poll(async () => (wrong += (await signedIn('mia', 'not the password')) === 401 ? 1 : 0), { timeout: 30_000, interval: 100 }).toBe(8);
    await v.page.getByRole('button', { name: 'Sign in' }).click();
    await appears(v.page.getByText('Too many failed attempts'));
    await appears(v.page.getByText(/Try again in \d+ seconds?\. Trying earlier neither helps nor makes it longer\./));
    expect(await v.page.getByRole('button', { name: /^Wait \d+ seconds?$/ }).isDisabled()).toBe(true);
    expect(await v.page.getByRole('textbox', { name: 'Password' }).inputValue()).toBe(mia);
    await v.page.getByRole('button', { name: 'Sign in' }).click();
    await appears(v.page.getByRole('heading', { level: 1, name: 'Dashboard' }));
    await must('DELETE', '/api/v1/users/mia', { headers: { 'If-Match': '*' } });
  });

  test('signing in leads to the page that was asked for', async ({ visit }) => {
    const v = await visit();
    await v.go('/alarms?show=all', 'Sign in');
    await signIn(v.page, 'oscar');
    await appears(v.page.getByRole('heading', { level: 1, name: 'Alarms' }));
    expect(v.page.url()).toContain('/alarms?show=all');
    await appears(live(v.page));
  });

  test('signing out forgets the account and asks for another', async ({ visit }) => {
    const v = await visit();
    await v.go('/', 'Sign in');
    await signIn(v.page, 'oscar');
    await v.page.getByRole('button', { name: 'Account oscar, operator' }).click();
    await v.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await appears(v.page.getByRole('heading', { level: 1, name: 'Sign in' }));
    await expect.poll(() => v.context.cookies(), soon).toEqual([]);
  });

  test('who walks away is asked, then signed out, and comes back to the same page', async ({ visit }) => {
    const v = await visit();
    v.allow('* /api/* 401');
    await v.page.clock.install();
    await v.go('/flows?vsan=1', 'Sign in');
    await signIn(v.page, 'oscar');
    await appears(v.page.getByRole('heading', { level: 1, name: 'Flows' }));
    const asks = v.page.getByRole('dialog', { name: 'Are you still there?' });
    await v.page.clock.fastForward((idleMinutes - 1) * 60_000 - 30_000);
    expect(await asks.count()).toBe(0);
    await v.page.clock.fastForward(30_000);
    await appears(asks);
    await asks.getByRole('button', { name: 'Stay signed in' }).click();
    await gone(asks);
    await v.page.clock.fastForward(idleMs - 30_000);
    await appears(asks);
    await v.page.clock.fastForward(30_000);
    await appears(v.page.getByText(`Nobody was there for ${idleMinutes} minutes.`));
    await expect.poll(() => v.context.cookies(), soon).toEqual([]);
    await signIn(v.page, 'oscar');
    await appears(v.page.getByRole('heading', { level: 1, name: 'Flows' }));
    expect(v.page.url()).toContain('/flows?vsan=1');
  });

  test('a session that ends in the middle keeps the view, and goes on after signing in again', async ({ visit }) => {
    const v = await visit();
    v.allow('* /api/* 401');
    await v.go('/flows', 'Sign in');
    await signIn(v.page, 'paula');
    await appears(v.page.getByRole('heading', { level: 1, name: 'Flows' }));
    await appears(live(v.page));
    await mark(v.page);
    await v.page.keyboard.press('/');
    await v.page.keyboard.type('fc:01');
    await endSessions('paula');
    await appears(dialog(v.page));
    expect(await v.page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).inputValue()).toBe('paula');
    await v.page.getByRole('dialog').getByRole('textbox', { name: 'Password' }).fill(accounts.paula.password);
    await v.page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
    await gone(dialog(v.page));
    await appears(live(v.page));
    expect(await marked(v.page)).toBe(true);
    expect(await v.page.locator('#main [data-search] input, #main input[data-search]').inputValue()).toBe('fc:01');
    expect(v.page.url()).toContain('/flows');
  });

  test('when the daemon dies a banner says since when, and all is live again without a reload', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    v.allow(...away);
    await v.go('/');
    await appears(live(v.page));
    await mark(v.page);
    await daemon.kill();
    await appears(v.page.getByText(/Live data stopped .* ago; what is shown may be old/));
    await appears(v.page.getByRole('banner').getByText('Reconnecting'));
    await daemon.start();
    await appears(live(v.page));
    await gone(v.page.getByText(/Live data stopped/));
    expect(await marked(v.page)).toBe(true);
  });

  test('a clock that is an hour off is named, and times are those of the appliance', async ({ visit }) => {
    const v = await visit({
      as: 'alice',
      before: () => {
        const hour = 3_600_000;
        const now = Date.now.bind(Date);
        window.Date = class extends Date {
          constructor(...args: [] | [string | number | Date]) {
            super(args.length === 0 ? now() + hour : args[0]);
          }
          static override now() {
            return now() + hour;
          }
        } as DateConstructor;
      },
    });
    await v.go('/');
    await appears(v.page.getByText(/clock of this computer is .* ahead of the appliance/));
    await appears(live(v.page));
    // Nothing happened an hour ago, and nothing will happen in an hour.
    await v.go('/events', 'Audit and events');
    await appears(v.page.getByRole('row').nth(1));
    const text = await v.page.getByRole('main').innerText();
    expect(text).not.toMatch(/in the future|-\d+ s/);
  });
});
