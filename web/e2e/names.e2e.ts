import { beforeAll, describe, expect } from 'vitest';
import { configure, everythingRuns } from './appliance.ts';
import { appears, settled, test } from './browser';

/** fill makes a name of 64 characters. */
const fill = (start: string, with_: string): string => (start + with_.repeat(64)).slice(0, 64);

/** Names as somebody may give them who means no good, or writes from right to left. All are 64 characters. */
const names = {
  markup: fill(`<img src=x onerror="document.title='taken'"><b>&amp;`, 'x'),
  script: fill(`</script><script>document.title='taken'</script>`, 'y'),
  arabic: fill('مضيف قاعدة البيانات ', 'ابجد '),
  wide: fill('', '全角文字列の名前'),
  unbroken: fill('a', 'W'),
  quotes: fill(`"'\`\${document.title='taken'}\\{{7*7}}%s%00`, '🜂').slice(0, 63) + '.',
};

const text = JSON.stringify;

const document_ = `
aliases:
  ${text(names.markup)}: 20:00:02:fc:01:00:00:01
  ${text(names.arabic)}: 20:00:02:fc:01:00:00:02
  ${text(names.unbroken)}: 20:00:02:fc:0a:00:00:0a
  ${text(names.wide)}: 20:00:02:fc:0b:00:00:0b
sets:
  ${text(names.script)}: [${text(names.markup)}, ${text(names.arabic)}]
services:
  - {name: ${text(names.quotes)}, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: bypass}
policies:
  - name: ${text(names.markup)}
    match: {initiator: ${text(names.script)}, target: ${text(names.unbroken)}}
    action: redirect
    service: ${text(names.quotes)}
    note: ${text(names.script)}
    ticket: ${text(names.arabic)}
`;

/** Which names each page must show. */
const pages: readonly (readonly [path: string, ...shown: string[]])[] = [
  ['/flows', names.markup, names.arabic, names.unbroken, names.wide],
  ['/policies?on=active', names.markup, names.quotes],
  [`/policies?on=active&policy=${encodeURIComponent(names.markup)}`, names.script],
  ['/aliases', names.markup, names.arabic, names.unbroken, names.wide],
  ['/services', names.quotes],
  ['/topology'],
  ['/'],
  ['/events'],
  ['/changes?tab=history'],
];

describe('names of 64 odd characters', () => {
  beforeAll(async () => {
    await everythingRuns();
    await configure(document_);
  });

  for (const [path, ...shown] of pages) {
    test(`are text on ${path.split('?')[0]}${path.includes('policy=') ? ', the policy' : ''}: nothing of them runs, and nothing gets wider than the window`, async ({ visit }) => {
      const v = await visit({ as: 'vera' });
      await v.go(path);
      await settled(v);
      for (const name of shown) await appears(v.page.getByText(name.trim(), { exact: false }).or(v.page.locator(`[title*=${text(name.slice(0, 20))}]`)));
      expect(await v.page.title()).toContain('FC-Redirect');
      const odd = await v.page.evaluate(() => {
        const main = document.querySelector('#main');
        return {
          elements: [...(main?.querySelectorAll('img, script, b, iframe') ?? [])].map((e) => e.outerHTML.slice(0, 80)),
          wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        };
      });
      expect(odd).toEqual({ elements: [], wider: 0 });
    });
  }

  test('written from right to left do not turn the text around them', async ({ visit }) => {
    const v = await visit({ as: 'vera' });
    await v.go('/flows', 'Flows');
    const name = v.page.getByText(names.arabic.trim().slice(0, 20)).first();
    await appears(name);
    expect(await name.evaluate((e) => [e.tagName, getComputedStyle(e).unicodeBidi])).toEqual(['BDI', 'isolate']);
  });
});
