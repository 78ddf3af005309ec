import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { everythingRuns, load, paths } from './appliance.ts';
import { appears, test } from './browser';
import { measured } from './report';

/** How long the dashboard is watched for its memory: a minute, or as long as somebody has (make soak). */
const soakMinutes = Number(process.env['FCR_CONSOLE_SOAK_MINUTES'] ?? '1');

const median = (of: number[]): number => [...of].sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;

/** within notes a figure and holds it against its budget. */
function within(name: string, value: number, most: number, unit: string): void {
  measured({ name, value, most, unit });
  expect(value, `${name}: ${value.toFixed(1)} ${unit}`).toBeLessThanOrEqual(most);
}

/** timeInteractive runs before the page: it notes when the dashboard stands with what it read, and the next task was run. */
function timeInteractive(): void {
  const look = () => {
    const main = document.querySelector('#main');
    if (main?.querySelector('h1') == null || main.querySelector('[aria-busy="true"], .pf-v6-c-skeleton, [role="progressbar"]') !== null) return;
    watch.disconnect();
    setTimeout(() => performance.mark('interactive'));
  };
  const watch = new MutationObserver(look);
  watch.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['aria-busy'] });
}

const markAt = (page: Page, name: string): Promise<number> =>
  page.waitForFunction((n) => performance.getEntriesByName(n)[0]?.startTime, name).then((handle) => handle.jsonValue()).then((at) => at ?? Number.NaN);

/** zipped is how many bytes a file is on the wire with gzip. */
const zipped = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request(url, { ca: readFileSync(paths.certificate), headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
      let bytes = 0;
      response.on('data', (part: Buffer) => (bytes += part.length));
      response.on('end', () => (response.headers['content-encoding'] === 'gzip' || bytes < 1024 ? resolve(bytes) : reject(new Error(`${url} is not compressed`))));
    })
      .on('error', reject)
      .end();
  });

/** watchTasks notes tasks that held up the page for longer than 50 ms. */
const watchTasks = (): void => {
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) performance.mark('long', { startTime: e.startTime, detail: e.duration });
  }).observe({ type: 'longtask', buffered: true });
};

const tasksSince = (page: Page, since: number): Promise<number[]> =>
  page.evaluate((from) => performance.getEntriesByName('long').filter((e) => e.startTime >= from).map((e) => (e instanceof PerformanceMark && typeof e.detail === 'number' ? e.detail : 0)), since);

const pageNow = (page: Page): Promise<number> => page.evaluate(() => performance.now());

/** pageLives waits until so much of the page's time has gone by with it running. */
const pageLives = (page: Page, ms: number): Promise<void> => page.evaluate((wait) => new Promise<void>((resolve) => setTimeout(resolve, wait)), ms);

/** heap is what the page keeps, in MB, after everything that is not needed was collected. */
async function heap(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
}

describe('budgets', () => {
  beforeAll(everythingRuns);

  test('the first paint comes within 1 s, the dashboard can be used within 2 s, and its JavaScript is at most 300 kB', async ({ visit }) => {
    const paints: number[] = [], ready: number[] = [];
    let files: string[] = [];
    for (let i = 0; i < 3; i++) {
      const v = await visit({ as: 'alice', before: timeInteractive });
      await v.page.goto(paths.url + '/', { waitUntil: 'load' });
      ready.push(await markAt(v.page, 'interactive'));
      paints.push(await markAt(v.page, 'first-contentful-paint'));
      files = await v.page.evaluate(() => performance.getEntriesByType('resource').map((e) => e.name).filter((n) => n.endsWith('.js')));
      await v.context.close();
    }
    const bytes = (await Promise.all(files.map(zipped))).reduce((a, b) => a + b, 0);
    measured({ name: 'files of JavaScript on the first route', value: files.length, most: 60, unit: 'files' });
    within('JavaScript of the first route, gzip', bytes / 1000, 300, 'kB');
    within('first contentful paint', median(paints), 1000, 'ms');
    within('the dashboard can be used', median(ready), 2000, 'ms');
  });

  describe('with 12,000 flows that change every second', () => {
    beforeAll(() => load.start(12_000, 12_000));
    afterAll(load.stop);

    for (const [path, title] of [['/flows', 'Flows'], ['/topology', 'Topology']] as const) {
      test(`no task of ${title} holds the page up for longer than 100 ms`, async ({ visit }) => {
        const v = await visit({ as: 'alice', before: watchTasks });
        await v.go(path, title);
        await appears(v.page.getByRole('banner').getByText('Live', { exact: true }));
        await pageLives(v.page, 4_000); // it has come, and reads its first snapshots
        const since = await pageNow(v.page);
        await pageLives(v.page, 12_000);
        const tasks = await tasksSince(v.page, since);
        within(`longest task of ${title} with 12,000 flows`, Math.max(0, ...tasks), 100, 'ms');
      });
    }

    test('the dashboard is never held up, and keeps no more memory than a while ago', async ({ visit }) => {
      const v = await visit({ as: 'alice', before: watchTasks });
      await v.go('/', 'Dashboard');
      const session = await v.context.newCDPSession(v.page);
      await pageLives(v.page, 15_000); // what is loaded late is there
      const before = await heap(session);
      const looks: number[] = [];
      let longest = 0;
      for (let i = 0; i < 3; i++) {
        const since = (await pageNow(v.page)) + 500; // who collects garbage holds the page up too
        await pageLives(v.page, (soakMinutes * 60_000) / 3);
        longest = Math.max(longest, ...(await tasksSince(v.page, since)));
        looks.push(await heap(session));
      }
      // Samples of the last minutes are kept, a few hundred bytes a second until their history is full.
      const grown = (looks.at(-1) ?? Number.NaN) - before;
      within(`memory that the dashboard gained in ${soakMinutes} min`, Math.max(0, grown), 2 + Math.min(soakMinutes, 10) * 0.5, 'MB');
      within('longest task of Dashboard with 12,000 flows', longest, 100, 'ms');
      measured({ name: 'memory of the dashboard', value: looks.at(-1) ?? 0, most: 100, unit: 'MB' });
    }, (soakMinutes + 2) * 60_000);
  });
});
