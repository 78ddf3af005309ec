import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { account, routes } from '../src/app/routes';
import { configure, everythingRuns, isObject, must, paths } from './appliance.ts';
import { test } from './browser';

/** Names that a shell would take apart, were they not quoted. */
const names = { alias: `it's a host`, policy: 'through; $(it) & "back"', set: 'all * of them' };

const odd = `
aliases: {${JSON.stringify(names.alias)}: "20:00:02:fc:01:00:00:01"}
sets: {${JSON.stringify(names.set)}: [${JSON.stringify(names.alias)}]}
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: bypass}]
policies: [{name: ${JSON.stringify(names.policy)}, match: {initiator: ${JSON.stringify(names.set)}}, action: forward}]
`;

const view = (path: string, query: Record<string, string>): string => `${path}?${new URLSearchParams(query)}`;
const tabs = (path: string, ...ids: string[]): string[] => ids.map((tab) => view(path, { tab }));

/** Views besides those that the pages begin with. */
const views = [
  view('/services', { service: 'inspect' }),
  view('/services', { on: 'active', search: names.alias }),
  view('/policies', { on: 'active' }),
  view('/policies', { on: 'active', search: names.policy, action: 'forward', sort: 'name' }),
  view('/policies', { policy: names.policy }),
  view('/changes', { tab: 'history', revision: '1' }),
  ...tabs('/changes', 'history', 'document', 'nodes'),
  ...tabs('/alarms', 'mutes', 'codes'),
  view('/alarms', { show: 'all', severity: 'major', subject: names.alias, handled: 'no' }),
  view('/ports', { open: 'edge0' }),
  ...tabs('/ports', 'lcores', 'hugepages'),
  view('/flows', { initiator: names.alias, policy: names.policy, min_bytes: '1.5k', static: 'false', verdict: 'forward,drop', seen_since: '2026-01-01T00:00:00+02:00' }),
  view('/flows', { text: names.alias, end: '20:00:*', vsan: '0', min_frames_per_second: '0' }),
  view('/topology', { text: names.alias }),
  view('/events', { type: 'flow,alarm', severity: 'notice', match: `who:${names.alias}`, since: '2026-01-01T00:00:00Z' }),
  view('/events', { tab: 'audit' }),
  view('/events', { tab: 'audit', who: names.alias, result: 'ok', action: 'change.*' }),
  ...tabs('/aliases', 'sets'),
  ...tabs('/users', 'tokens', 'sessions', 'roles'),
  ...tabs('/system', 'roles', 'backups', 'bundles', 'webhooks', 'certificate', 'jobs'),
];

const folder = join(paths.work, 'commands');

/** What stands in for the programs: the line stays as it is copied. top would go on for ever. */
const programs = {
  server: `fcrctl() { timeout 30 fcrctl --server unix:${paths.socket} "$@"; }`,
  node: `fcrctl() { [ "$*" != top ] || set -- top --count 1; timeout 30 fcrctl --node ${paths.node} "$@"; }`,
  curl: `curl() { command curl --silent --show-error --max-time 30 --write-out '\\n%{http_code} %{content_type}' "$@"; }`,
};

interface Said {
  status: number;
  out: string;
  err: string;
}

/** shell runs a line as somebody would who copied it, in a folder with the certificate and a token. */
const shell = (as: keyof typeof programs, line: string): Promise<Said> =>
  new Promise((resolve) => {
    const env = { PATH: `${join(import.meta.dirname, '../../bin')}:${process.env['PATH'] ?? ''}`, HOME: folder };
    execFile('bash', ['-c', `${programs[as]}\n${line}`], { cwd: folder, env, maxBuffer: 64 << 20 }, (error, out, err) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });

/** offered are the lines of the menu: that for fcrctl stands in it, that for curl is put on the clipboard. */
async function offered(page: Page): Promise<{ curl: string; fcrctl?: string }> {
  await page.getByRole('button', { name: 'Copy as', exact: true }).click();
  const curl = page.getByRole('menuitem', { name: /^curl/ });
  await curl.waitFor();
  const said = await page.getByRole('menuitem', { name: /^fcrctl/ }).allInnerTexts();
  await curl.click();
  const copied = await page.waitForFunction(() => navigator.clipboard.readText().then((text) => text.startsWith('curl') && text));
  await page.evaluate(() => navigator.clipboard.writeText(''));
  const [line] = said.map((text) => text.slice(text.indexOf('\n')).trim());
  return { curl: String(await copied.jsonValue()), ...(line === undefined ? {} : { fcrctl: line }) };
}

/** wrongOf says why a line does not work; nothing when it does. */
async function wrongOf(as: keyof typeof programs, line: string): Promise<string | undefined> {
  const { status, out, err } = await shell(as, line);
  if (status !== 0) return `exit status ${status}: ${err.trim().slice(0, 300)}`;
  if (as !== 'curl') return undefined;
  const [, body = '', http = ''] = /^(.*)\n(.*)$/s.exec(out) ?? [];
  if (!/^200 application\/json\b/.test(http)) return `${http}: ${body.slice(0, 300)}`;
  JSON.parse(body);
  return undefined;
}

describe('what “Copy as” gives', () => {
  let token = '';
  beforeAll(async () => {
    await everythingRuns();
    await configure(odd);
    const { body } = await must('POST', '/api/v1/tokens', { body: { name: 'commands', owner: 'alice', role: 'admin' } });
    if (!isObject(body)) throw new Error('no token');
    token = String(body['id']);
    mkdirSync(folder, { recursive: true });
    copyFileSync(paths.certificate, join(folder, 'certificate.pem'));
    writeFileSync(join(folder, 'token'), String(body['token']), { mode: 0o600 });
  });
  afterAll(async () => {
    await must('DELETE', `/api/v1/tokens/${token}`);
    await configure();
  });

  test('works as it is copied: curl, and fcrctl from elsewhere and on the node', async ({ visit }) => {
    const v = await visit({ as: 'alice' });
    await v.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const wrong: string[] = [];
    const ran: string[] = [];
    const without: string[] = [];
    const running: Promise<void>[] = []; // while the next page comes
    for (const path of [...routes, account].map((r) => r.path).concat(views)) {
      await v.go(path);
      const lines = await offered(v.page);
      if (lines.fcrctl === undefined) without.push(path);
      const runs = [
        ['curl', lines.curl] as const,
        ['node', lines.fcrctl] as const,
        // It reads the segment, which is on the node alone.
        ...(lines.fcrctl === 'fcrctl top' ? [] : [['server', lines.fcrctl] as const]),
      ];
      running.push(
        ...runs.map(async ([as, text]) => {
          if (text === undefined) return;
          ran.push(text);
          const why = await wrongOf(as, text);
          if (why !== undefined) wrong.push(`${path}: ${as === 'curl' ? text : `${text} (${as})`}: ${why}`);
        }),
      );
    }
    await Promise.all(running);
    expect(wrong).toEqual([]);
    // The names were among them, and each view has its line for fcrctl.
    for (const name of [names.alias, names.policy]) expect(ran.some((l) => l.includes(name.replaceAll("'", `'\\''`)))).toBe(true);
    expect(without).toEqual([]);
  }, 240_000);
});
