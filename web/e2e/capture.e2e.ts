import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { everythingRuns, paths } from './appliance.ts';
import { appears, openFlow, table, test } from './browser';

const host = '20:00:02:fc:01:00:00:01';

describe('a capture', () => {
  beforeAll(everythingRuns);

  test('of a flow is begun from the flow, ends by itself, and its file has frames that Wireshark reads', async ({ visit }) => {
    const v = await visit({ as: 'oscar' });
    const { page } = v;
    await v.go('/flows', 'Flows');
    await openFlow(page, host);
    await page.getByRole('button', { name: 'Capture this flow' }).click();
    const dialog = page.getByRole('dialog', { name: 'Start a capture' });
    await dialog.getByRole('textbox', { name: 'Frames at most' }).fill('50');
    await dialog.getByRole('textbox', { name: 'Note' }).fill('what the host asks for');
    await dialog.getByRole('button', { name: 'Start' }).click();

    const row = table(page, 'Captures').getByRole('row').filter({ hasText: 'what the host asks for' });
    await appears(row);
    await appears(row.getByRole('link', { name: /^Download .*, 50 frames$/ }));
    const [download] = await Promise.all([page.waitForEvent('download'), row.getByRole('link', { name: /^Download/ }).click()]);
    expect(download.suggestedFilename()).toMatch(/\.pcapng$/);
    const file = join(paths.work, download.suggestedFilename());
    await download.saveAs(file);

    const info = execFileSync('capinfos', ['-Mtc', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(info).toMatch(/pcapng/);
    expect(info).toMatch(/Number of packets:\s+50\b/);
    const frames = execFileSync('tshark', ['-r', file, '-T', 'fields', '-e', 'fc.type', '-e', '_ws.malformed'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim().split('\n');
    expect(frames).toHaveLength(50);
    expect(frames.filter((f) => !/^0x0*8\s*$/.test(f))).toEqual([]);
  }, 90_000);
});
