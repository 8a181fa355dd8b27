import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { domainApp, type DomainApp } from '../../../test/support/domain-app.ts';
import { payerAt, type MadeSession } from '../../../test/support/payer.ts';

let http: DomainApp;
let session: MadeSession;
beforeAll(async () => {
  http = await domainApp();
  http.provider.offers = [{ id: 'ideal', title: 'iDEAL', flows: ['redirect'] }];
  session = await made({ returnUrl: 'https://shop.example/thanks', cancelUrl: 'http://localhost:3000/basket' });
});
afterAll(() => http.close());

const { made } = payerAt(() => http);
const asked = async (method: 'GET' | 'POST' | 'OPTIONS', url: string, origin: string, token?: string) => {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await http.app.inject({ method, url, headers: { origin, ...authorization } });
  return { status: answer.statusCode, headers: answer.headers, allowed: answer.headers['access-control-allow-origin'] };
};

describe('a page of another origin', () => {
  test.each(['', '/methods', '/pay', '/events', '/extend'])('of the session’s addresses may ask %s', async (rest) => {
    for (const origin of ['https://shop.example', 'http://localhost:3000']) {
      const { status, headers, allowed } = await asked('OPTIONS', `/v1/checkout-sessions/${session.id}${rest}`, origin);
      expect([status, allowed]).toEqual([204, origin]);
      expect(headers).toMatchObject({ vary: 'origin', 'access-control-allow-headers': 'authorization, content-type, last-event-id' });
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  test('reads with the client token what it asked for, and also why it was refused', async () => {
    const read = await asked('GET', `/v1/checkout-sessions/${session.id}`, 'https://shop.example', session.clientToken);
    expect([read.status, read.allowed]).toEqual([200, 'https://shop.example']);
    const refused = await asked('GET', `/v1/checkout-sessions/${session.id}`, 'https://shop.example', 'kfc_nonsense');
    expect([refused.status, refused.allowed]).toEqual([401, 'https://shop.example']);
  });

  test.each([
    'https://evil.example',
    'https://shop.example.evil.example',
    'http://shop.example',
    'https://shop.example:8443',
    'https://sub.shop.example',
    'http://localhost:3001',
    'null',
    'https://SHOP.example',
    'https://shop.example/',
  ])('of %s may not', async (origin) => {
    expect((await asked('OPTIONS', `/v1/checkout-sessions/${session.id}/pay`, origin)).allowed).toBeUndefined();
    expect((await asked('GET', `/v1/checkout-sessions/${session.id}`, origin, session.clientToken)).allowed).toBeUndefined();
  });

  test('follows the session with the client token in Authorization', async () => {
    await http.app.listen(0, '127.0.0.1');
    const { port } = (http.app.getHttpServer() as Server).address() as AddressInfo;
    const follow = async (origin: string) => {
      const stopping = new AbortController();
      const headers = { origin, authorization: `Bearer ${session.clientToken}` };
      const answer = await fetch(`http://127.0.0.1:${port}/v1/checkout-sessions/${session.id}/events`, {
        headers,
        signal: stopping.signal,
      });
      const heard = answer.headers;
      stopping.abort();
      return [answer.status, heard.get('content-type'), heard.get('access-control-allow-origin')];
    };
    const stream = 'text/event-stream; charset=utf-8';
    expect(await follow('https://shop.example')).toEqual([200, stream, 'https://shop.example']);
    expect(await follow('https://evil.example')).toEqual([200, stream, null]);
  });

  test('that is listed as a portal may, for sessions of its tenant only', async () => {
    await http.send('PUT', '/v1/portal-origins', { origins: ['https://app.example'] });
    expect((await asked('OPTIONS', `/v1/checkout-sessions/${session.id}`, 'https://app.example')).allowed).toBe('https://app.example');
    await http.send('PUT', '/v1/portal-origins', { origins: [] });
    expect((await asked('OPTIONS', `/v1/checkout-sessions/${session.id}`, 'https://app.example')).allowed).toBeUndefined();
  });

  test('may ask nothing else of the API, nor about a session that there is not', async () => {
    expect((await asked('GET', '/v1/payments', 'https://shop.example', session.clientToken)).allowed).toBeUndefined();
    expect((await asked('OPTIONS', '/v1/payments', 'https://shop.example')).allowed).toBeUndefined();
    for (const id of ['chk_00000000000000000000000000', 'nothing'])
      expect((await asked('OPTIONS', `/v1/checkout-sessions/${id}`, 'https://shop.example')).allowed).toBeUndefined();
  });
});
