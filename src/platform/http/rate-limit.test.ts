import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newUuid } from '../../kernel/ids.ts';
import { newApiKeyText } from '../auth/api-key-text.ts';
import { networkOf } from './rate-limit.ts';
import { sampleApp, type SampleApp } from './test-app/sample-app.ts';

describe('requests per minute', () => {
  let sample: SampleApp;
  beforeAll(async () => {
    sample = await sampleApp({ requestsPerMinute: 5 });
  });
  afterAll(() => sample.close());

  const get = async (authorization: string, remoteAddress: string) => {
    const answer = await sample.app.inject({ url: '/v1/samples/me', headers: { authorization }, remoteAddress });
    return answer;
  };

  test('A38 beyond the limit are refused with the time to wait', async () => {
    const address = '203.0.113.1';
    for (let n = 0; n < 5; n += 1) expect((await get('', address)).statusCode).toBe(401);
    const answer = await get('', address);
    expect([answer.statusCode, answer.json()]).toMatchObject([429, { code: 'request.rate-limited' }]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
  });

  test('a known key has a count of its own, wherever it comes from', async () => {
    const authorization = `Bearer ${await sample.key('events:read')}`;
    const seen: number[] = [];
    for (let n = 0; n < 7; n += 1) seen.push((await get(authorization, `203.0.113.${10 + n}`)).statusCode);
    // The first use was counted by address, because only then the key became known.
    expect(seen).toEqual([200, 200, 200, 200, 200, 200, 429]);
  });

  test('invented keys do not escape the count of their address', async () => {
    let last = 0;
    for (let n = 0; n < 6; n += 1) last = (await get(`Bearer ${newApiKeyText('test', newUuid()).text}`, '203.0.113.99')).statusCode;
    expect(last).toBe(429);
  });
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
