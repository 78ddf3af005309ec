import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { shot } from './browser';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

declare global {
  interface Window {
    /** What axe's source leaves behind in a page. */
    axe?: { run: (context: Document, options: object) => Promise<AxeResults> };
  }
}

/** The rules of WCAG 2.2 AA and before, and what axe calls good practice; those of them that another theme could break. */
const all = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
const ofColors = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

/**
 * serious says what axe finds serious or critical, a line each. Its source goes in over the debugger: as a script of the page it
 * would be refused by the page's own policy, which stays on.
 */
async function serious(page: Page, rules: typeof all): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  const found = await page.evaluate(async (options) => {
    if (window.axe === undefined) throw new Error('axe is not in the page');
    return (await window.axe.run(document, options)).violations;
  }, { resultTypes: ['violations'], runOnly: rules });
  return found
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .flatMap((v) => v.nodes.map((n) => `${v.impact} ${v.id}: ${v.help}: ${n.target.join(' ')}: ${n.html.slice(0, 120)}`));
}

/** looked says what axe finds serious in both themes, and leaves a screenshot of each. The window is dark again after it. */
export async function looked(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForFunction((dark) => document.documentElement.classList.contains('pf-v6-theme-dark') === dark, theme === 'dark');
    await shot(page, `${name}-${theme}`);
    found.push(...(await serious(page, theme === 'light' ? all : ofColors)).map((f) => `${name}, ${theme}: ${f}`));
  }
  return found;
}
