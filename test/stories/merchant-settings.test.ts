/** A merchant with two accounts: the program itself, driven by commands as a person would, and the accounts' providers on this machine. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startMollieServer, type MollieServer } from '../providers/mollie-server.ts';
import { startVippsServer, type VippsServer } from '../providers/vipps-server.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { STORY_MS } from '../support/patience.ts';

// Each command is a process of its own.
jest.setTimeout(STORY_MS);

let vipps: VippsServer;
let mollie: MollieServer;
let app: AppProcess;
let api: Api;
let key = '';

beforeAll(async () => {
  [vipps, mollie] = await Promise.all([startVippsServer(), startMollieServer()]);
  app = await AppProcess.prepare({
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_PUBLIC_URL: 'https://shop.example',
    KASSAFLOW_EGRESS_MAP: `https://apitest.vipps.no=${vipps.url},https://api.mollie.com=${mollie.url}`,
  });
  await app.start();
  const { output } = await app.cli(['key', 'create', 'test', '--tenant', 'test', '--json']);
  ({ secret: key } = JSON.parse(output) as { secret: string });
  api = new Api(app.url, key);
}, STORY_MS);
afterAll(async () => {
  await app.dispose();
  await Promise.all([vipps.close(), mollie.close()]);
});

const command = (...args: string[]) => app.cli(args, { KASSAFLOW_API_KEY: key });
const set = (settings: object) => Object.entries(settings).flatMap(([field, value]) => ['--set', `${field}=${String(value)}`]);
const wish = { amount: { amount: '125.00', currency: 'DKK' }, returnUrl: 'https://shop.example/back', description: 'Tea' };

describe('a merchant', () => {
  test('connects two accounts; each is tried, and registered where that can be done', async () => {
    const first = await command('connection', 'add', 'wallet', 'vipps-mobilepay', ...set(vipps.settings));
    expect(first.output).toMatch(/wallet is active \(test\)[\s\S]*is registered/);
    await command('connection', 'add', 'cards', 'mollie', ...set({ apiKey: mollie.apiKey }));
    const wrong = await command('connection', 'add', 'mistyped', 'mollie', ...set({ apiKey: 'test_nobodyhere1' }));
    expect(wrong.output).toContain('mistyped is paused');
    const { output } = await command('connection', 'list');
    expect(output).toMatch(/wallet +vipps-mobilepay +test +active +registered/);
  });

  test('removes the one that was mistyped', async () => {
    expect(await command('connection', 'remove', 'mistyped')).toMatchObject({ code: 0 });
    expect((await command('connection', 'list')).output).not.toContain('mistyped');
  });

  test('says which account comes first, and which one takes over', async () => {
    await command('route', 'set', 'cards', 'wallet');
    const { output } = await command('route', 'set', 'wallet', '--currency', 'NOK');
    expect(output).toMatch(/any +NOK +wallet[\s\S]*|any +any +cards, wallet/);
    const paid = await api.post<{ provider: string }>('/v1/payments', wish, 'tea-1');
    expect(paid.provider).toBe('mollie');
    expect(await command('connection', 'remove', 'cards')).toMatchObject({ code: 1, output: expect.stringContaining('1 open payments') });
  });

  test('goes on selling while the first account is refused, and hears of that', async () => {
    mollie.faults.add({ match: 'POST /v2/payments', action: '429' });
    const paid = await api.post<{ id: string; attempts: object[] }>('/v1/payments', wish, 'tea-2');
    expect(paid.attempts).toMatchObject([
      { connection: 'cards', status: 'failed' },
      { connection: 'wallet', status: 'done' },
    ]);
    expect(await api.get(`/v1/payments/${paid.id}`)).toMatchObject({ provider: 'vipps-mobilepay', status: 'pending' });
  });

  test('takes a route back', async () => {
    expect((await command('route', 'remove', '--currency', 'NOK')).output).not.toContain('NOK');
    expect(await command('route', 'remove', '--method', 'ideal')).toMatchObject({ code: expect.any(Number) });
  });

  test('lists the portal, and tries where payers may be led back to', async () => {
    const { output } = await command('portal', 'add', 'https://SHOP.example', 'https://app.example');
    expect(output).toMatch(/https:\/\/app\.example\s+https:\/\/shop\.example/);
    const [taken, refused, noOrigin, stranger] = await Promise.all([
      command('portal', 'check', 'https://shop.example/thanks?order=7'),
      command('portal', 'check', 'https://evil.example/thanks'),
      command('portal', 'add', 'https://shop.example/thanks'),
      command('portal', 'remove', 'https://nobody.example'),
    ]);
    expect(taken).toMatchObject({ code: 0, output: expect.stringContaining('payers may be led there') });
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('kassaflow portal add') });
    expect(noOrigin).toMatchObject({ code: 1, output: expect.stringContaining('An origin is scheme, host and port alone') });
    expect(stranger.output).toContain('not on the list');
    const left = await command('portal', 'remove', 'https://app.example', '--json');
    expect(JSON.parse(left.output)).toEqual([{ origin: 'https://shop.example' }]);
  });

  test('changes credentials without a gap, and registers the webhook anew', async () => {
    vipps.gate.keys = { ...vipps.gate.keys, clientSecret: 'the-new-client-secret' };
    const rotated = await command('connection', 'rotate', 'wallet', '--set', 'clientSecret=the-new-client-secret', '--overlap', '24');
    expect(rotated.output).toMatch(/new credentials; the old ones count until 20/);
    const refused = await command('connection', 'rotate', 'wallet', '--set', 'clientSecret=a-secret-of-nobody');
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('does not accept') });
    expect(refused.output).not.toContain('a-secret-of-nobody');
    const before = vipps.webhooks.list().map(({ id }) => id);
    expect((await command('connection', 'webhook', 'wallet', '--renew')).output).toContain('is registered');
    expect(vipps.webhooks.list().some(({ id }) => !before.includes(id))).toBe(true);
  });
});
