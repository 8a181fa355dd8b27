/** kill -9 around what portals are sent: each event arrives, in order, and a repeat has the id of the first. src/webhooks/outgoing/README.md. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';

const POINTS: readonly CrashPoint[] = ['outgoing.queued.before', 'outgoing.queued.after', 'outgoing.sent.before', 'outgoing.sent.after'];

const received: { readonly id: string; readonly n: number }[] = [];
let secret = '';
let endpoint = '';
const portal = createServer((request, response) => {
  let body = '';
  request.on('data', (part: Buffer) => (body += part.toString()));
  request.on('end', () => {
    const headers = request.headers as Record<string, string>; // none of them comes twice
    const event = new Webhook(secret).verify(body, headers) as { readonly data: { readonly n: number } };
    received.push({ id: headers['webhook-id'] ?? '', n: event.data.n });
    response.end();
  });
});
let app: AppProcess;
let api: Api;

beforeAll(async () => {
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
  const { port } = portal.address() as AddressInfo; // listens on TCP
  app = await AppProcess.prepare({
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_EGRESS_MAP: `https://portal.example=http://127.0.0.1:${port}`,
  });
  await app.start();
  const { output } = await app.cli(['key', 'create', 'test', '--tenant', 'test', '--json']);
  api = new Api(app.url, (JSON.parse(output) as { secret: string }).secret, SOON_MS);
  ({ secret, id: endpoint } = await api.post<{ secret: string; id: string }>('/v1/webhook-endpoints', {
    url: 'https://portal.example/hook',
    types: ['custom.*'],
  }));
}, STORY_MS);
afterAll(async () => {
  await app.dispose();
  portal.closeAllConnections();
  portal.close();
});

test.each(POINTS)(
  'at %s is survived',
  async (point) => {
    const before = received.length;
    app.dieAt(point);
    const event = (n: number) => ({
      specversion: '1.0',
      id: `${point.replaceAll('.', '-')}-${n}`,
      source: '/test',
      subject: 'order/1',
      type: 'custom.sent',
      data: { n },
    });
    // The process may die before it has answered: a careful client sends again what may not have arrived.
    const first = api.post('/v1/events', event(1));
    await app.died();
    await app.start();
    await first;
    await api.post('/v1/events', event(2));
    const mine = () => received.slice(before);
    await until(
      () => mine().at(-1)?.n === 2,
      () => `only ${JSON.stringify(mine())} came`,
      SOON_MS,
    );
    expect(mine().map(({ n }) => n)).toEqual(point === 'outgoing.sent.after' ? [1, 1, 2] : [1, 2]);
    expect(new Set(mine().map(({ id }) => id)).size).toBe(2);
    // Killed before it has noted an answer, it would rightly send once more, into the next test.
    await until(
      async () => (await api.get<{ pending: number }>(`/v1/webhook-endpoints/${endpoint}`)).pending === 0,
      () => 'the queue never became empty',
      SOON_MS,
    );
  },
  STORY_MS,
);
