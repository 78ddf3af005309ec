import { beforeAll, describe, expect } from 'vitest';
import { account, routes } from '../src/app/routes';
import { asUser, configure, everythingRuns, isObject } from './appliance.ts';
import { appears, settled, soon, test, type Visit } from './browser';

/** What would change something; the drawing of the topology may be saved as a file. */
const edits = /^(new|save(?! as$)|edit|delete|remove|apply|discard|confirm|revert|take over|start|stop|restart|clone|rename|enable|disable|create|add|mute|acknowledge|upload|make|drain|restore|rotate|unlock|sync|hand over|clear counters|import|revoke|end|cancel|test)\b/i;

/** One of everything that can be edited, so that there are rows. */
const one = `
aliases: {oracle: "20:00:02:fc:01:00:00:01"}
sets: {databases: [oracle]}
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: bypass}]
policies: [{name: as it is, match: {initiator: databases}, action: forward}]
`;

/** editsOf are the buttons of a page, and the choices of the first row's menu in each list, that change something. */
async function editsOf(v: Visit): Promise<string[]> {
  const main = v.page.locator('#main');
  const names = await main.getByRole('button').evaluateAll((all) => all.map((b) => (b.getAttribute('aria-label') ?? b.textContent ?? '').trim()));
  for (const list of await main.getByRole('grid').all()) {
    const menu = list.getByRole('button', { name: 'Kebab toggle' });
    if ((await menu.count()) === 0) continue;
    await menu.first().click();
    await appears(v.page.getByRole('menuitem'));
    names.push(...(await v.page.getByRole('menuitem').allInnerTexts()));
    await v.page.keyboard.press('Escape');
  }
  return names.filter((name) => edits.test(name));
}

/** Writes of every noun, which a viewer may not. */
const writes: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['PUT', '/api/v1/policies/mine', { match: {}, action: 'drop' }],
  ['DELETE', '/api/v1/policies/mine'],
  ['PUT', '/api/v1/aliases/mine', { wwpn: '20:00:00:00:00:00:00:01' }],
  ['PUT', '/api/v1/services/mine', { mode: 'steer', port: 'svc0' }],
  ['POST', '/api/v1/change/apply', { window_s: 60 }],
  ['POST', '/api/v1/change/confirm', {}],
  ['POST', '/api/v1/change/discard'],
  ['POST', '/api/v1/captures', { ports: ['edge0'] }],
  ['POST', '/api/v1/roles/store/restart', {}],
  ['POST', '/api/v1/backups', {}],
  ['POST', '/api/v1/users', undefined],
  ['PUT', '/api/v1/users/mallory', { role: 'admin', password: 'let me in please' }],
  ['POST', '/api/v1/tokens', { name: 'mine', owner: 'alice', role: 'admin' }],
];

describe('roles', () => {
  beforeAll(everythingRuns);

  test('a viewer sees the pages of the role, and nothing on them that changes anything, in no row’s menu either', async ({ visit }) => {
    const me = (await asUser('vera', 'GET', '/api/v1/me')).body;
    const may = isObject(me) && Array.isArray(me['permissions']) ? me['permissions'] : [];
    const v = await visit({ as: 'vera' });
    const offered = routes.filter((r) => r.needs === undefined || may.includes(r.needs));
    expect(offered.length).toBeGreaterThan(8);
    await v.go('/');
    const links = async () => (await v.page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allTextContents()).map((l) => l.trim()).sort();
    await expect.poll(links, soon).toEqual(offered.map((r) => r.title).sort());
    const found: string[] = [];
    await configure(one);
    for (const { path, title } of offered) {
      await v.go(path, title);
      await settled(v);
      found.push(...(await editsOf(v)).map((name) => `${path}: ${name}`));
    }
    expect(found).toEqual([]);
    for (const { path } of routes.filter((r) => !offered.includes(r))) await v.go(path, 'There is no such page');
    await v.go(account.path, account.title);

    // Who may is offered it in the same places.
    const admin = await visit({ as: 'alice' });
    for (const path of ['/policies', '/services', '/aliases', '/aliases?tab=sets']) {
      await admin.go(path);
      await settled(admin);
      await expect.poll(async () => (await editsOf(admin)).some((name) => /^(delete|remove)/i.test(name)), { ...soon, message: `${path}: a row can be deleted` }).toBe(true);
    }
    await configure();
  }, 120_000);

  test('a viewer who asks REST all the same is refused, and nothing is told of what there is', async () => {
    for (const [method, path, body] of writes) {
      const { status, body: said } = await asUser('vera', method, path, { ...(body === undefined ? {} : { body }), headers: { 'If-Match': '*' } });
      expect([403, 404, 405], `${method} ${path} was answered ${status}`).toContain(status);
      if (isObject(said) && said['code'] !== 'method_not_allowed') expect(said['code']).toMatch(/forbidden|not_found/);
    }
  });

  test('an operator is offered captures, and no policies', async ({ visit }) => {
    const v = await visit({ as: 'oscar' });
    await v.go('/captures', 'Captures');
    await appears(v.page.getByRole('button', { name: /capture/i }));
    await v.go('/policies', 'Policies');
    await settled(v);
    expect(await v.page.getByRole('button', { name: 'New policy' }).count()).toBe(0);
  });
});
