import type { Page } from 'playwright-core';
import { beforeAll, describe, expect } from 'vitest';
import { routes } from '../src/app/routes';
import { everythingRuns } from './appliance.ts';
import { appears, gone, settled, soon, test } from './browser';

/** focused says what has the focus, as it is read out. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const e = document.activeElement;
    return e === null ? '' : (e.getAttribute('aria-label') ?? e.textContent ?? '').trim();
  });

describe('the keyboard alone', () => {
  beforeAll(everythingRuns);

  test('the first stop is the way past the navigation, and it leads into the page', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.go('/flows', 'Flows');
    await v.page.keyboard.press('Tab');
    await expect.poll(() => focused(v.page), soon).toBe('Skip to the content');
    await v.page.keyboard.press('Enter');
    await v.page.keyboard.press('Tab');
    await expect.poll(() => v.page.evaluate(() => document.querySelector('main, #main')?.contains(document.activeElement)), soon).toBe(true);
  });

  test('g and a letter go to each page, and the page that comes has the focus', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.go('/account', 'My account');
    for (const { key, path, title } of routes) {
      await v.page.keyboard.press('g');
      await v.page.keyboard.press(key ?? 'no key');
      await appears(v.page.getByRole('heading', { level: 1, name: title, exact: true }));
      expect(new URL(v.page.url()).pathname).toBe(path);
      await expect.poll(() => v.page.title(), soon).toBe(`${title} · FC-Redirect`);
      await expect.poll(() => v.page.evaluate(() => document.querySelector('#main')?.contains(document.activeElement)), soon).toBe(true);
    }
  });

  test('? shows the keys, and Escape gives the focus back', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.go('/flows', 'Flows');
    const button = v.page.getByRole('button', { name: 'Help' });
    await button.focus();
    await v.page.keyboard.press('?');
    const help = v.page.getByRole('dialog', { name: 'Help' });
    await appears(help);
    await appears(help.getByText('Search on this page'));
    await v.page.keyboard.press('Escape');
    await gone(help);
    await expect.poll(() => button.evaluate((e) => e === document.activeElement), soon).toBe(true);
  });

  test('/ puts the cursor into the search of a list, and letters typed there go nowhere else', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.go('/flows', 'Flows');
    await v.page.keyboard.press('/');
    await v.page.keyboard.type('gp?');
    expect(await v.page.evaluate(() => (document.activeElement instanceof HTMLInputElement ? document.activeElement.value : ''))).toBe('gp?');
    await appears(v.page.getByRole('heading', { level: 1, name: 'Flows' }));
    expect(await v.page.getByRole('dialog').count()).toBe(0);
  });

  test('every stop of the tab key on the dashboard can be seen and has a name', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.go('/', 'Dashboard');
    await settled(v);
    await v.page.evaluate(() => document.body.focus());
    const seen = new Set<string>();
    for (let i = 0; i < 150; i++) {
      await v.page.keyboard.press('Tab');
      const stop = await v.page.evaluate(() => {
        const e = document.activeElement;
        if (!(e instanceof HTMLElement || e instanceof SVGElement) || e === document.body) return undefined;
        const box = e.getBoundingClientRect();
        const style = getComputedStyle(e);
        const ring = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || getComputedStyle(e, '::after').borderStyle !== 'none';
        const labels = e.getAttribute('aria-labelledby')?.split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
        const name = (e.getAttribute('aria-label') ?? labels ?? e.textContent ?? '').trim();
        return { name, tag: e.tagName, seen: box.width > 0 && box.height > 0 && ring, where: e.outerHTML.slice(0, 120) };
      });
      if (stop === undefined) break; // out of the page, into the browser
      expect(stop.name, `${stop.where} has no name`).not.toBe('');
      expect(stop.seen, `nobody sees that ${stop.where} has the focus`).toBe(true);
      seen.add(stop.name);
    }
    expect(seen.size).toBeGreaterThan(15);
  });
});
