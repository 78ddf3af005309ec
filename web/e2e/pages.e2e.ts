import { beforeAll, describe, expect } from 'vitest';
import { account, routes } from '../src/app/routes';
import { configure, everythingRuns } from './appliance.ts';
import { looked } from './axe';
import { appears, openFlow, settled, shot, soon, test, type Visit } from './browser';

const all = [...routes, account];
const file = (path: string): string => (path === '/' ? 'dashboard' : path.slice(1));

const isDark = (v: Visit): Promise<boolean> => v.page.evaluate(() => document.documentElement.classList.contains('pf-v6-theme-dark'));

/** wider is what reaches over the right edge of the window, and what it is in does not scroll. */
const wider = (v: Visit): Promise<number> => v.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Dialogs: where each is, what it is called, or the button of its name that opens it, and the name of its picture. */
const dialogs: readonly (readonly [path: string, dialog: string | { button: string }, name: string])[] = [
  ['/captures', { button: 'Start a capture' }, 'capture-start'],
  ['/aliases?new=1', 'Name a WWPN', 'alias-new'],
  ['/account', { button: 'Make a token' }, 'token-new'],
];

describe('every page', () => {
  beforeAll(everythingRuns);

  for (const { path, title } of all) {
    test(`${title}: axe finds nothing serious in either theme, and nothing scrolls sideways`, async ({ visit }) => {
      const v = await visit({ as: 'alice', theme: 'dark' });
      await v.go(path, title);
      await settled(v);
      await expect.poll(() => v.page.title(), soon).toBe(`${title} · FC-Redirect`);
      const found = await looked(v.page, file(path));
      if ((await wider(v)) > 0) found.push(`the page is ${await wider(v)} pixels wider than the window`);
      expect(found).toEqual([]);
    });
  }

  test('Sign in: axe finds nothing serious in either theme', async ({ visit }) => {
    const v = await visit();
    await v.go('/', 'Sign in');
    expect(await looked(v.page, 'sign-in')).toEqual([]);
  });

  test('what opens over the pages: axe finds nothing serious in either theme', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    const { page } = v;
    const found: string[] = [];
    await v.go('/flows', 'Flows');
    await openFlow(page, '20:00:02:fc:01:00:00:01');
    found.push(...(await looked(page, 'flow')));
    for (const [path, dialog, name] of dialogs) {
      await v.go(path);
      if (typeof dialog !== 'string') await page.getByRole('button', { name: dialog.button }).click();
      await appears(page.getByRole('dialog', { name: typeof dialog === 'string' ? dialog : dialog.button }));
      found.push(...(await looked(page, name)));
    }
    expect(found).toEqual([]);
  });

  test('a new policy, its dry run and the dialog that applies it: axe finds nothing serious in either theme', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    const { page } = v;
    await v.go('/policies?new=1', 'Policies');
    const form = page.getByRole('form', { name: 'New policy' });
    await form.getByRole('textbox', { name: 'Name' }).fill('looked at');
    await form.getByRole('combobox', { name: 'Action' }).selectOption('redirect');
    await form.getByRole('combobox', { name: /^Service/ }).selectOption('inspect');
    await appears(page.getByText('The appliance would take it like this.'));
    const found = await looked(page, 'policy-new');
    await page.getByRole('button', { name: 'Save as pending' }).click();
    await page.getByRole('button', { name: 'Show which flows would change' }).click();
    await appears(page.getByRole('list', { name: 'Verdicts that change' }));
    found.push(...(await looked(page, 'policy-dry-run')));
    await v.go('/changes', 'Changes');
    await page.getByRole('button', { name: 'Apply…' }).click();
    await appears(page.getByRole('dialog', { name: /^Apply 1 edit/ }).getByText('reverts by itself in 1 min unless you confirm'));
    found.push(...(await looked(page, 'apply')));
    expect(found).toEqual([]);
    await configure();
  });

  for (const theme of ['dark', 'light'] as const) {
    test(`the ${theme} theme is there before the first paint, and so it stays when it was chosen`, async ({ visit }) => {
      const v = await visit({
        theme: theme === 'dark' ? 'light' : 'dark', // what the system would have
        before: () => {
          new PerformanceObserver(() => {
            const dark = document.documentElement.classList.contains('pf-v6-theme-dark');
            document.documentElement.dataset['first'] ??= dark ? 'dark' : 'light';
          }).observe({ type: 'paint', buffered: true });
        },
      });
      await v.go('/', 'Sign in');
      await v.page.evaluate((chosen) => localStorage.setItem('fcr.theme', chosen), theme);
      await v.page.reload();
      await v.page.waitForFunction(() => document.documentElement.dataset['first'] !== undefined);
      expect(await v.page.evaluate(() => document.documentElement.dataset['first'])).toBe(theme);
      expect(await isDark(v)).toBe(theme === 'dark');
    });
  }

  test('the dashboard and the topology use the room of a screen of 3840 by 2160', async ({ visit }) => {
    const v = await visit({ as: 'alice', width: 3840, height: 2160 });
    for (const path of ['/', '/topology']) {
      await v.go(path);
      await settled(v);
      for (const theme of ['dark', 'light'] as const) {
        await v.page.emulateMedia({ colorScheme: theme });
        await shot(v.page, `${file(path)}-${theme}-4k`);
      }
      const used = () =>
        v.page.evaluate(() => {
          const right = [...document.querySelectorAll('#main *')].map((e) => e.getBoundingClientRect().right);
          return Math.max(...right) / window.innerWidth;
        });
      await expect.poll(used, soon).toBeGreaterThan(0.6);
      expect(await wider(v)).toBe(0);
    }
  });

  test('an address that there is not leads back to the dashboard', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.go('/no-such-page', 'There is no such page');
    await v.page.getByRole('link', { name: 'The dashboard', exact: true }).click();
    await appears(v.page.getByRole('heading', { level: 1, name: 'Dashboard' }));
  });
});
