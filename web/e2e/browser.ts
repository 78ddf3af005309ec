import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Locator, type Page, type Request, type Response } from 'playwright-core';
import { inject, test as base } from 'vitest';
import { cookieOf, paths, type Account } from './appliance.ts';

/** A browser window before the appliance. Whatever the page should not do fails the test that has it open. */
export interface Visit {
  page: Page;
  context: BrowserContext;
  /** allow says that an answer will be refused or fail: 'GET /api/v1/flows 503', with * for any text. */
  allow: (...what: string[]) => void;
  /** go opens a path of the console and returns when its heading stands. */
  go: (path: string, heading?: string | RegExp) => Promise<void>;
  /** wrongs is what was seen so far and not allowed. */
  wrongs: () => string[];
}

interface Options {
  as?: Account;
  theme?: 'dark' | 'light';
  width?: number;
  height?: number;
  /** Runs before each page's own scripts. */
  before?: () => void;
}

const shots = join(import.meta.dirname, 'shots');
const failures = join(import.meta.dirname, 'report', 'failures');

let connected: Promise<Browser> | undefined;
const browser = (): Promise<Browser> => (connected ??= chromium.connect(inject('browser')));

/** What every page may meet: the question who is signed in, before anybody is (401), or could be (409). */
const always = ['GET /api/v1/me 401', 'GET /api/v1/me 409'];

const matches = (pattern: string, text: string): boolean =>
  new RegExp('^' + pattern.split('*').map((p) => p.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*') + '$').test(text);

/** open makes a window: signed in as an account, or as nobody. */
export async function open(options: Options = {}): Promise<Visit> {
  const { as, theme = 'dark', width = 1280, height = 720 } = options;
  const context = await (await browser()).newContext({ viewport: { width, height }, colorScheme: theme, acceptDownloads: true, reducedMotion: 'reduce' });
  if (as !== undefined) {
    const [name, value] = (await cookieOf(as)).split('=');
    await context.addCookies([{ name: name ?? '', value: value ?? '', url: paths.url, httpOnly: true, secure: true, sameSite: 'Strict' }]);
  }
  if (options.before !== undefined) await context.addInitScript(options.before);
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const watch = new Watch();
  watch.page(page);
  context.on('page', (more) => watch.page(more));
  return {
    page,
    context,
    allow: (...what) => watch.allowed.push(...what),
    go: async (path, heading) => {
      await page.goto(paths.url + path, { waitUntil: 'domcontentloaded' });
      await page.getByRole('heading', { level: 1, ...(heading === undefined ? {} : { name: heading }) }).first().waitFor();
    },
    wrongs: () => watch.wrongs(),
  };
}

/** Watch notes everything that a page must not do. */
class Watch {
  readonly allowed: string[] = [...always];
  private readonly seen: string[] = [];
  private readonly answers: string[] = [];

  wrongs(): string[] {
    return [...this.seen, ...this.answers.filter((a) => !this.allowed.some((pattern) => matches(pattern, a)))];
  }

  page(page: Page): void {
    page.on('pageerror', (e) => this.seen.push(`an error that nobody caught: ${e.message}`));
    page.on('crash', () => this.seen.push('the page crashed'));
    page.on('console', (m) => {
      // What a request came to is judged below, by its status; a socket that is refused while the daemon is away is not news.
      if (m.type() !== 'error' || m.text().startsWith('Failed to load resource') || m.text().startsWith('WebSocket connection to')) return;
      this.seen.push(`on the browser's console: ${m.text()}`);
    });
    page.on('request', (r) => this.origin(r.url()));
    page.on('websocket', (s) => this.origin(s.url().replace(/^wss:/, 'https:')));
    page.on('response', (r) => this.answer(r));
    page.on('requestfailed', (r) => this.failed(r));
  }

  private origin(url: string): void {
    if (!url.startsWith(paths.url + '/') && !url.startsWith(`blob:${paths.url}/`)) this.seen.push(`a request that leaves the appliance: ${url}`);
  }

  private answer(r: Response): void {
    if (r.status() >= 400) this.answers.push(`${line(r.request())} ${r.status()}`);
  }

  private failed(r: Request): void {
    const why = r.failure()?.errorText ?? '';
    // Who leaves a page gives up what it was asking, and a download ends the navigation that began it.
    if (why !== 'net::ERR_ABORTED') this.answers.push(`${line(r)} ${why}`);
  }
}

const line = (r: Request): string => `${r.method()} ${new URL(r.url()).pathname}`;

interface Fixtures {
  /** visit opens windows; each is looked at when the test ends, and closed. */
  visit: (options?: Options) => Promise<Visit>;
}

export const test = base.extend<Fixtures>({
  visit: async ({ task }, use) => {
    const all: Visit[] = [];
    await use(async (options) => {
      const one = await open(options);
      all.push(one);
      return one;
    });
    const wrongs = all.flatMap((v) => v.wrongs());
    if (task.result?.state === 'fail' || wrongs.length > 0) await keep(all, task.name);
    await Promise.all(all.map((v) => v.context.close()));
    if (wrongs.length > 0) throw new Error(`the page did what it must not:\n  ${[...new Set(wrongs)].join('\n  ')}`);
  },
});

/** keep writes how the windows of a failed test looked. */
async function keep(all: Visit[], name: string): Promise<void> {
  mkdirSync(failures, { recursive: true });
  for (const [i, v] of all.entries()) {
    const file = join(failures, `${name.replace(/[^\w]+/g, '-').slice(0, 80)}-${i + 1}.png`);
    await v.page.screenshot({ path: file }).catch(() => {});
  }
}

/** shot writes a screenshot into shots/, which is not committed. */
export async function shot(page: Page, name: string): Promise<void> {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), animations: 'disabled' });
}

/** table is a list by its name; PatternFly's are grids. */
export const table = (page: Page | Locator, name: string): Locator => page.getByRole('grid', { name }).or(page.getByRole('table', { name }));

/** soon is how long expect.poll waits for what comes a moment later; by itself it waits one second. */
export const soon = { timeout: 30_000 };

/** appears waits until something is seen; gone until it is not. */
export const appears = (what: Locator, timeout = 30_000): Promise<void> => what.filter({ visible: true }).first().waitFor({ timeout });
export const gone = (what: Locator, timeout = 30_000): Promise<void> => what.filter({ visible: true }).first().waitFor({ state: 'hidden', timeout });

/**
 * openFlow opens the drawer of the first flow whose row has these texts. The list is live: as somebody would, one points at it
 * first, and the rows keep their places then.
 */
export async function openFlow(page: Page, ...texts: string[]): Promise<void> {
  const rows = texts.reduce((of, hasText) => of.filter({ hasText }), table(page, 'Flows').getByRole('row'));
  await appears(rows);
  await rows.first().hover();
  await appears(page.getByText('Rows keep their places while you point at them.'));
  await rows.first().getByRole('button').first().click();
  await appears(page.getByRole('button', { name: 'Close the flow' }));
}

/** settled returns when nothing on the page says any more that it loads. */
export const settled = async (v: Visit): Promise<void> => {
  await v.page.waitForFunction(() => {
    const main = document.querySelector('#main');
    return main !== null && main.querySelector('[aria-busy="true"], [role="progressbar"], .pf-v6-c-skeleton, .pf-v6-c-spinner') === null;
  });
};
