import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { payerAt } from '../../../test/support/payer.ts';
import { checkReturnUrls } from '../payments/return-urls.ts';

let http: DomainApp;
beforeAll(async () => {
  http = await domainApp();
});
afterAll(() => http.close());
beforeEach(async () => {
  await list();
});

const { made } = payerAt(() => http);
const list = (...origins: string[]) => http.send('PUT', '/v1/portal-origins', { origins });
const check = (returnUrl: string, mode: 'test' | 'live') =>
  http.db.database.transact(http.db.tenantId, (tx) => checkReturnUrls(tx, { returnUrl }, { mode, own: 'https://pay.example' }));

describe('the origins of portals', () => {
  test('are replaced as a whole, written as browsers write them, and that is in the audit', async () => {
    expect(await list('https://SHOP.example:443', 'https://app.example', 'https://shop.example')).toMatchObject({
      status: 200,
      body: { origins: ['https://app.example', 'https://shop.example'] },
    });
    await list('https://app.example');
    expect((await http.send('GET', '/v1/portal-origins')).body).toEqual({ origins: ['https://app.example'] });
    const { rows } = await http.db.ownerPool.query(
      `select detail from audit_entry where action = 'portal-origins.replace' order by seq desc limit 1`,
    );
    expect(rows).toEqual([{ detail: { origins: ['https://app.example'] } }]);
  });

  test.each(['https://shop.example/path', 'shop.example', 'http://shop.example', '*', 'null', 'https://a:b@shop.example'])(
    'cannot be %s',
    async (origin) => {
      expect(await list('https://app.example', origin)).toMatchObject({ status: 422, body: { code: 'portal.origin' } });
      expect((await http.send('GET', '/v1/portal-origins')).body).toEqual({ origins: [] });
    },
  );

  test('of one tenant are not those of another', async () => {
    await list('https://app.example');
    const other = await http.db.addTenant('other');
    const seen = await http.db.database.transact(other, (tx) => tx.query('select origin from portal_origin'));
    expect(seen).toEqual([]);
  });
});

describe('T24: payers are led', () => {
  test('to listed origins only, in live mode also when none is listed', async () => {
    await expect(check('https://shop.example/a', 'live')).rejects.toMatchObject({ code: 'payment.return-origin' });
    await list('https://shop.example');
    await check('https://shop.example/a', 'live');
    for (const url of [
      'https://evil.example',
      'https://shop.example.evil.example',
      'https://shop.example:8443',
      'https://sub.shop.example',
    ])
      await expect(check(url, 'live')).rejects.toMatchObject({ code: 'payment.return-origin' });
  });

  test('to our own address always, and to no address that only begins like it', async () => {
    await list('https://shop.example');
    await check('https://pay.example/pay/token/return', 'live');
    await check('https://pay.example', 'live');
    for (const url of ['https://pay.example.evil.example', 'https://pay.example:1'])
      await expect(check(url, 'live')).rejects.toMatchObject({ code: 'payment.return-origin' });
    await expect(check('https://pay.example@evil.example', 'live')).rejects.toMatchObject({ code: 'payment.return-url' });
  });

  test('where the check says so before anybody pays, and nowhere else', async () => {
    const verdict = async (address: string) =>
      (await http.send('GET', `/v1/portal-origins/check?address=${encodeURIComponent(address)}`)).body['verdict'];
    expect(await verdict('https://anything.example')).toBe('taken');
    await list('https://shop.example');
    expect(await verdict('https://shop.example/thanks?order=7')).toBe('taken');
    expect(await verdict('https://kassaflow.example/pay/done')).toBe('taken');
    expect(await verdict('http://localhost:3000')).toBe('taken');
    expect(await verdict('https://anything.example')).toBe('not-listed');
    expect(await verdict('https://shop.example@evil.example')).toBe('not-an-address');
  });

  test('in test mode anywhere as long as nothing is listed, and always to this computer', async () => {
    await made({ returnUrl: 'https://anything.example' });
    await list('https://shop.example');
    await made({ returnUrl: 'http://localhost:3000/done' });
    const refused = await http.send('POST', '/v1/checkout-sessions', {
      amount: { amount: '1.00', currency: 'EUR' },
      description: 'x',
      returnUrl: 'https://shop.example',
      cancelUrl: 'https://evil.example',
    });
    expect(refused).toMatchObject({ status: 422, body: { code: 'payment.return-origin' } });
    const payment = await http.send('POST', '/v1/payments', {
      amount: { amount: '1.00', currency: 'EUR' },
      description: 'x',
      returnUrl: 'https://evil.example',
    });
    expect(payment).toMatchObject({ status: 422, body: { code: 'payment.return-origin' } });
  });
});
