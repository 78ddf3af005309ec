import { beforeAll, describe, expect } from 'vitest';
import { account, routes } from '../src/app/routes';
import { everythingRuns } from './appliance.ts';
import { serious } from './axe';
import { appears, settled, shot, test, type Visit } from './browser';

const all = [...routes, account];
const file = (path: string): string => (path === '/' ? 'dashboard' : path.slice(1));

const isDark = (v: Visit): Promise<boolean> => v.page.evaluate(() => document.documentElement.classList.contains('pf-v6-theme-dark'));

/** wider is what reaches over the right edge of the window, and what it is in does not scroll. */
const wider = (v: Visit): Promise<number> => v.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe('every page', () => {
  beforeAll(everythingRuns);

  for (const { path, title } of all) {
    test(`${title}: axe finds nothing serious in either theme, nothing scrolls sideways, and it can be had as a command`, async ({ visit }) => {
      const v = await visit({ as: 'alice', theme: 'dark' });
      await v.go(path, title);
      await settled(v);
      expect(await v.page.title()).toBe(`${title} · FC-Redirect`);
      const found: string[] = [];
      for (const theme of ['dark', 'light'] as const) {
        await v.page.emulateMedia({ colorScheme: theme });
        await v.page.waitForFunction((dark) => document.documentElement.classList.contains('pf-v6-theme-dark') === dark, theme === 'dark');
        await shot(v.page, `${file(path)}-${theme}`);
        found.push(...(await serious(v.page)).map((f) => `${theme}: ${f}`));
      }
      if ((await wider(v)) > 0) found.push(`the page is ${await wider(v)} pixels wider than the window`);
      expect(found).toEqual([]);
      await v.page.getByRole('button', { name: 'Copy as', exact: true }).first().click();
      await appears(v.page.getByRole('menuitem', { name: /^curl/ }));
    });
  }

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
      const used = await v.page.evaluate(() => {
        const right = [...document.querySelectorAll('#main *')].map((e) => e.getBoundingClientRect().right);
        return Math.max(...right) / window.innerWidth;
      });
      expect(used).toBeGreaterThan(0.6);
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
