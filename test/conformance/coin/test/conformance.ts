import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from '@kassaflow/plugin-sdk';
import type { LocalProvider, Subject } from '@kassaflow/plugin-sdk/testing';
import { HOST } from '../coin-plugin.ts';
import { API_KEY, CoinServer, SECRETS, signed } from '../coin-server.ts';
import correct from '../correct.ts';

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const SETTINGS = { apiKey: API_KEY, webhookSecrets: [...SECRETS] };
const body = (type: string): string => JSON.stringify({ id: `evt_${randomUUID()}`, type, payment: 'coin_1', state: 'paid' });

/** The coin plugin, or a variant of it, for the kit. @param file from the folder `coin` */
export function coinSubject(plugin: Plugin, file = 'correct.ts'): Subject {
  return { plugin, folder: FOLDER, entry: path.join(FOLDER, file), start };
}

export const subject = coinSubject(correct);

async function start(): Promise<LocalProvider> {
  const server = new CoinServer();
  const url = await server.listen();
  return {
    origins: { [`https://${HOST}`]: url },
    settings: SETTINGS,
    wrongKey: { settings: { ...SETTINGS, apiKey: 'test_wrong_key' }, field: 'apiKey' },
    liveKey: { ...SETTINGS, apiKey: 'live_coin_key' },
    payments: {
      webhookUrl: 'https://kassaflow.example/webhooks/coin/con_1',
      made: (reference) => [...server.coins.values()].filter((coin) => coin.reference === reference).length,
      approve: (id) => server.approve(id),
      decline: (id, code) => void server.change(id, { state: 'failed', decline: code }),
      declines: { no_funds: 'insufficient-funds', rain: 'other' },
      expire: (id) => void server.change(id, { state: 'expired' }),
      strange: (id, word) => void server.change(id, { state: word }),
      refunds: (id) => server.refunds.filter(({ payment }) => payment === id).length,
      refundAtDesk: (id, minor) => void server.change(id, { refunded: server.coin(id).refunded + minor }),
      dispute: (id) => void server.change(id, { charged_back: server.coin(id).captured }),
    },
    webhooks: {
      secrets: SECRETS,
      settings: (secrets) => ({ ...SETTINGS, webhookSecrets: [...secrets] }),
      sign: (bytes, { secrets, at }) => signed(bytes, secrets, at),
      header: 'coin-signature',
      windowMs: 300_000,
      body: () => body('payment.paid'),
      unknownBody: () => body('weather.changed'),
      sent: () => server.sent,
      lie: (id) =>
        signed(Buffer.from(JSON.stringify({ id: 'evt_lie', type: 'payment.paid', payment: id, state: 'paid' })), [SECRETS[0]], Date.now()),
    },
    close: () => server.close(),
  };
}
