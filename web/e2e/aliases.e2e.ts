import { beforeEach, describe, expect } from 'vitest';
import { asUser, everythingRuns, isObject } from './appliance.ts';
import { appears, gone, table, test } from './browser';

const first = '20:00:02:fc:01:00:00:11';
const second = '20:00:02:fc:01:00:00:12';

/** pend names a WWPN, as somebody would by a script. */
async function pend(user: string, name: string, wwpn: string, version?: number): Promise<void> {
  const headers: Record<string, string> = version === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` };
  const put = await asUser(user, 'PUT', `/api/v1/aliases/${encodeURIComponent(name)}`, { body: { wwpn }, headers });
  if (put.status >= 400) throw new Error(JSON.stringify(put.body));
}

describe('an alias', () => {
  beforeEach(everythingRuns);

  test('of a name that is taken is refused beside the name, and nothing is written over', async ({ visit }) => {
    await pend('paula', 'taken', first);
    const v = await visit({ as: 'paula' });
    v.allow('PUT /api/v1/aliases/taken 412');
    await v.go('/aliases', 'Aliases');
    await v.page.getByRole('button', { name: 'Name a WWPN' }).click();
    const dialog = v.page.getByRole('dialog', { name: 'Name a WWPN' });
    await dialog.getByRole('textbox', { name: 'Name' }).fill('taken');
    await dialog.getByRole('textbox', { name: 'WWPN' }).fill(second);
    await appears(dialog.getByText('There is already an alias of this name.'));
    await dialog.getByRole('button', { name: 'Save' }).click();
    await appears(dialog.getByText('There is already an alias of this name.'));
    expect(await dialog.getByRole('button', { name: /over it|replaces/ }).count()).toBe(0);
    await dialog.getByRole('textbox', { name: 'Name' }).fill('free');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await gone(dialog);
    await appears(table(v.page, 'Aliases').getByRole('row').filter({ hasText: 'free' }).filter({ hasText: second }));
  });

  test('is renamed by itself, and keeps its name while its WWPN is edited', async ({ visit }) => {
    await pend('paula', 'old name', first);
    const v = await visit({ as: 'paula' });
    await v.go('/aliases', 'Aliases');
    const row = (name: string) => table(v.page, 'Aliases').getByRole('row').filter({ hasText: name });
    await row('old name').getByRole('button', { name: 'old name' }).click();
    const dialog = v.page.getByRole('dialog', { name: 'Edit the alias' });
    expect(await dialog.getByRole('textbox', { name: 'Name' }).isEditable()).toBe(false);
    await dialog.getByRole('textbox', { name: 'WWPN' }).fill(second);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await appears(row('old name').filter({ hasText: second }));

    await row('old name').getByRole('button', { name: 'Kebab toggle' }).click();
    await v.page.getByRole('menuitem', { name: 'Rename…' }).click();
    const renaming = v.page.getByRole('dialog', { name: 'Rename old name' });
    await renaming.getByRole('textbox', { name: 'Name' }).fill('new name');
    await renaming.getByRole('button', { name: 'Rename' }).click();
    await appears(row('new name').filter({ hasText: second }));
  });

  test('that somebody else edits cannot be edited, and the page says who that is', async ({ visit }) => {
    await pend('alice', 'hers', first);
    const v = await visit({ as: 'paula' });
    await v.go('/aliases', 'Aliases');
    await appears(v.page.getByText('Nothing can be edited here: alice edits'));
    expect(await v.page.getByRole('button', { name: 'Name a WWPN' }).count()).toBe(0);
  });

  test('that somebody else changes while one types is shown beside one’s own', async ({ visit }) => {
    await pend('paula', 'shared', first);
    const v = await visit({ as: 'paula' });
    v.allow('PUT /api/v1/aliases/shared 412');
    await v.go('/aliases', 'Aliases');
    await table(v.page, 'Aliases').getByRole('button', { name: 'shared' }).click();
    const dialog = v.page.getByRole('dialog', { name: 'Edit the alias' });
    await dialog.getByRole('textbox', { name: 'WWPN' }).fill(second);
    const { body } = await asUser('paula', 'GET', '/api/v1/aliases/shared');
    await pend('paula', 'shared', '20:00:02:fc:01:00:00:13', isObject(body) ? Number(body['version']) : 0);
    const beside = table(dialog, 'Theirs beside yours');
    await appears(beside.getByRole('row').filter({ hasText: second }).filter({ hasText: '00:13' }));
    await dialog.getByRole('button', { name: /Go on with mine/ }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await gone(dialog);
    await appears(table(v.page, 'Aliases').getByRole('row').filter({ hasText: 'shared' }).filter({ hasText: second }));
  });
});
