import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { LightMyRequestResponse } from 'fastify';
import { sampleApp, type SampleApp } from './test-app/sample-app.ts';

let sample: SampleApp;
let key: string;
beforeAll(async () => {
  sample = await sampleApp({ arrivalMs: 1_000 });
  key = await sample.key('events:write', 'events:read');
  await sample.app.listen(0, '127.0.0.1');
});
afterAll(() => sample.close());
beforeEach(() => void sample.state.stored.splice(0));

const GOOD = '{"id":"evt-1","type":"payment.completed"}';

function post(payload: string | Buffer, headers: Record<string, string> = {}, url = '/v1/samples') {
  return sample.app.inject({
    method: 'POST',
    url,
    payload,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
  });
}

describe('what is not accepted', () => {
  const rows: [id: string, body: string | Buffer, headers: Record<string, string>, status: number, code: string, ...pointer: string[]][] = [
    ['A01 an empty body', '', {}, 400, 'request.body-empty'],
    ['A02 a body cut short', '{"type":', {}, 400, 'request.syntax'],
    ['A03 a list instead of an object', '[]', {}, 400, 'request.not-an-object'],
    ['A04 text/plain', GOOD, { 'content-type': 'text/plain' }, 415, 'request.content-type'],
    ['A05 garbage after the type', GOOD, { 'content-type': 'application/json garbage' }, 415, 'request.content-type'],
    ['A05 a space before the type', GOOD, { 'content-type': ' application/json; charset=utf-8;' }, 415, 'request.content-type'],
    ['A05 a tab and another charset', GOOD, { 'content-type': 'application/json;\tcharset=utf-16' }, 415, 'request.content-type'],
    ['A05 two types', GOOD, { 'content-type': 'application/json, text/plain' }, 415, 'request.content-type'],
    ['A05 no type', GOOD, { 'content-type': '' }, 415, 'request.content-type'],
    ['A06 multipart', '--x--', { 'content-type': 'multipart/form-data; boundary=x' }, 415, 'request.content-type'],
    [
      'A06 an upload written as JSON',
      '{"id":"a","type":"payment.failed","files":{"x":{"filepath":"/etc/passwd"}}}',
      {},
      422,
      'request.unknown-field',
      '/files',
    ],
    ['A07 a byte too many', `"${'x'.repeat(1_048_575)}"`, {}, 413, 'request.too-large'],
    ['A10 a compressed body', GOOD, { 'content-encoding': 'gzip' }, 415, 'request.content-encoding'],
    ['A11 depth 65', '['.repeat(65) + ']'.repeat(65), {}, 422, 'request.too-deep'],
    ['A13 a key twice', '{"id":"a","id":"b","type":"payment.failed"}', {}, 422, 'request.duplicate-key', '/id'],
    ['A14 __proto__', '{"__proto__":{"admin":true}}', {}, 422, 'request.forbidden-key', '/__proto__'],
    ['A16 not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), {}, 400, 'request.not-utf8'],
    ['A18 NUL', '{"id":"a","type":"payment.failed","note":"\\u0000"}', {}, 422, 'request.nul-character', '/note'],
    ['A19 a lone surrogate', '{"id":"a","type":"payment.failed","note":"\\ud800"}', {}, 422, 'request.lone-surrogate', '/note'],
    ['A20 a missing type', '{"id":"a"}', {}, 422, 'request.required', '/type'],
    ['A21 a misspelt choice', '{"id":"a","type":"payment.complete"}', {}, 422, 'request.choice', '/type'],
    ['A22 a number for a text', '{"id":42,"type":"payment.failed"}', {}, 422, 'request.type', '/id'],
    [
      'A23 a field too many, inside',
      '{"id":"a","type":"payment.failed","data":{"invocie":"x"}}',
      {},
      422,
      'request.unknown-field',
      '/data/invocie',
    ],
    ['A24 a missing id', '{"type":"payment.failed"}', {}, 422, 'request.required', '/id'],
    ['A25 an id with a point', '{"id":"a.b","type":"payment.failed"}', {}, 422, 'request.format', '/id'],
    ['A25 an id of 256 characters', `{"id":"${'a'.repeat(256)}","type":"payment.failed"}`, {}, 422, 'request.format', '/id'],
    ['A32 a tenant in the body', '{"id":"a","type":"payment.failed","tenant":"ten_x"}', {}, 422, 'request.unknown-field', '/tenant'],
    ['A33 no key', GOOD, { authorization: '' }, 401, 'auth.required'],
    [
      'an amount with too many decimals',
      '{"id":"a","type":"payment.failed","amount":{"amount":"1.005","currency":"EUR"}}',
      {},
      422,
      'money.scale',
      '/amount/amount',
    ],
    [
      'an unknown currency',
      '{"id":"a","type":"payment.failed","amount":{"amount":"1.00","currency":"EUX"}}',
      {},
      422,
      'money.unknown-currency',
      '/amount/currency',
    ],
    [
      'a quantity of nothing',
      '{"id":"a","type":"payment.failed","data":{"lines":[{"quantity":0}]}}',
      {},
      422,
      'request.range',
      '/data/lines/0/quantity',
    ],
  ];
  test.each(rows)('%s', async (...[, body, headers, status, code, pointer]) => {
    const answer = await post(body, headers);
    const problem = answer.json<Record<string, unknown>>();
    expect([answer.statusCode, problem['code']]).toEqual([status, code]);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(problem).toMatchObject({ type: `urn:kassaflow:error:${code}`, status, requestId: answer.headers['x-request-id'] });
    if (pointer !== undefined) expect(problem['errors']).toMatchObject([{ pointer, code }]);
    expect(answer.body).not.toMatch(/node_modules|\.ts:|\bat /);
    expect(sample.state.stored).toEqual([]);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  test('all problems come at once, with the nearest name, and never more than twenty', async () => {
    const several = await post('{"id":42,"typ":"payment.failed"}');
    expect(several.json()).toMatchObject({
      code: 'request.invalid',
      errors: expect.arrayContaining([
        expect.objectContaining({ pointer: '/id', code: 'request.type' }),
        expect.objectContaining({ pointer: '/type', code: 'request.required' }),
        expect.objectContaining({ pointer: '/typ', code: 'request.unknown-field', help: 'Did you mean "type"?' }),
      ]),
    });
    const many = await post(JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`f${n}`, 1]))));
    expect(many.json<{ errors: unknown[] }>().errors).toHaveLength(20);
  });

  test.each(['//v1/samples', '/v1/samples/', '/V1/samples', '/v1%2fsamples', '/v1/samples;x', '*', '/v1/samples%00'])(
    'A43 %s is another address than /v1/samples',
    async (url) => {
      expect([404, 400]).toContain((await post(GOOD, {}, url)).statusCode);
      const anonymous = await post(GOOD, { authorization: '' }, url);
      expect([404, 400]).toContain(anonymous.statusCode);
      expect(sample.state.stored).toEqual([]);
    },
  );

  test.each(['/v1/../v1/samples', '/v1/%2e%2e/v1/samples', '/./v1/samples'])('A43 %s is not resolved to /v1/samples', async (path) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nConnection: close\r\n`;
    expect(await exchange(`${head}Content-Length: ${GOOD.length}\r\n\r\n${GOOD}`)).toMatch(/^HTTP\/1.1 404 /);
    expect(sample.state.stored).toEqual([]);
  });

  test('a percent-encoded letter is the same address, with the same guard', async () => {
    expect((await post(GOOD, { authorization: '' }, '/v1/s%61mples')).json()).toMatchObject({ code: 'auth.required' });
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'])('A42 %s is answered with the methods that work', async (method) => {
    const answer = await sample.app.inject({ method: method as 'PUT', url: '/v1/samples', headers: { authorization: `Bearer ${key}` } });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([405, 'request.method-not-allowed']);
    expect(answer.headers['allow']).toBe('GET, HEAD, POST');
  });

  test('an address with nothing behind it is a 404 problem', async () => {
    expect((await sample.app.inject('/v1/nothing-here')).json()).toMatchObject({ code: 'request.not-found', status: 404 });
  });

  test('what breaks inside is told to the log and not to the caller', async () => {
    const answer = await sample.app.inject('/v1/samples/broken');
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: 'internal.unexpected' });
    expect(answer.body).not.toContain('hunter2');
    const { requestId } = answer.json<{ requestId: string }>();
    expect(sample.logged.filter((line) => line.includes(requestId)).join()).toContain('in row 7');
  });
});

describe('bytes that are no request', () => {
  const rows: [id: string, bytes: string, status: number, code: string][] = [
    [
      'A08 both Content-Length and Transfer-Encoding',
      'POST /v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'request.framing',
    ],
    [
      'A08 two different lengths',
      'POST /v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
      400,
      'request.framing',
    ],
    ['A08 a length that is no number', 'POST /v1/samples HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400, 'request.framing'],
    ['A08 not HTTP', 'hello\r\n\r\n', 400, 'request.framing'],
    ['headers of 17 KiB', `GET /health/live HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, 431, 'request.headers-too-large'],
    [
      'A09 a body that does not come',
      `POST /v1/samples HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`,
      408,
      'request.body-timeout',
    ],
    ['A09 headers that do not end', 'POST /v1/samples HTTP/1.1\r\nHost: x\r\n', 408, 'request.body-timeout'],
  ];
  test.each(rows)('%s', async (_name, bytes, status, code) => {
    const answer = await exchange(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain(`"code":"${code}"`);
    expect(sample.state.stored).toEqual([]);
  });

  test('A08 more bytes than announced are not taken for a second request', async () => {
    const body = `${GOOD}GARBAGE`;
    const answer = await exchange(
      `POST /v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${GOOD.length}\r\n\r\n${body}`,
    );
    expect(answer).toContain('"code":"request.framing"');
    expect(sample.state.stored.length).toBeLessThanOrEqual(1);
  });
});

describe('what is accepted', () => {
  test('a right body is parsed, with money as money', async () => {
    const answer = await post('{"id":"a","type":"payment.failed","amount":{"amount":"12.50","currency":"EUR"}}');
    expect([answer.statusCode, answer.json()]).toEqual([201, { id: 'a', amount: { amount: '12.50', currency: 'EUR' } }]);
    expect(sample.state.stored).toMatchObject([{ amount: { minor: 1250n } }]);
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/cloudevents+json'])(
    'content type %s',
    async (type) => {
      expect((await post(GOOD, { 'content-type': type })).statusCode).toBe(201);
    },
  );

  test('a body of exactly 1 MiB is read', async () => {
    const answer = await post(`{"id":"${'x'.repeat(1_048_576 - 9)}"}`);
    expect(answer.json()).toMatchObject({ status: 422 });
  });

  test('a raw route gets the bytes as they came, of any type, and nothing when nothing came', async () => {
    const bytes = Buffer.from([0, 255, 10, 13]);
    await post(bytes, { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' }, '/v1/samples/bytes');
    await post('{"a":1,"a":2}', {}, '/v1/samples/bytes');
    await sample.app.inject({ method: 'POST', url: '/v1/samples/bytes' });
    expect(sample.state.stored).toEqual([bytes, Buffer.from('{"a":1,"a":2}'), undefined]);
  });

  test('every answer carries the security headers', async () => {
    const { headers } = await sample.app.inject('/health/live');
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-frame-options': 'DENY',
    });
    expect(headers['x-powered-by']).toBeUndefined();
  });

  test('pages follow each other without gaps, by cursor and by Link', async () => {
    const seen: number[] = [];
    let url: string | undefined = '/v1/samples?limit=3&state=open';
    while (url !== undefined) {
      const answer: LightMyRequestResponse = await sample.app.inject({ url, headers: { authorization: `Bearer ${key}` } });
      seen.push(...answer.json<{ items: number[] }>().items);
      url = /<(.*)>; rel="next"/.exec(String(answer.headers['link'] ?? ''))?.[1];
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test.each(['limit=0', 'limit=201', 'limit=abc', 'cursor=AAAA', 'page=2', 'limit=1&limit=2'])('a list refuses ?%s', async (query) => {
    const answer = await sample.app.inject({ url: `/v1/samples?${query}`, headers: { authorization: `Bearer ${key}` } });
    expect([400, 422]).toContain(answer.statusCode);
  });

  test('a cursor of one filter is refused with another', async () => {
    const get = (query: string) => sample.app.inject({ url: `/v1/samples?${query}`, headers: { authorization: `Bearer ${key}` } });
    const { nextCursor } = (await get('limit=2&state=open')).json<{ nextCursor: string }>();
    expect((await get(`limit=2&state=done&cursor=${nextCursor}`)).json()).toMatchObject({ code: 'request.cursor' });
  });
});

/** Sends bytes on a connection of its own and gives everything that comes back until the server closes it. */
async function exchange(bytes: string): Promise<string> {
  const { port } = sample.app.getHttpServer().address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}
