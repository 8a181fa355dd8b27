/** The sandbox for the conformance kit: its own server, moved by its pages, its API and, where people have no button, its database. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Money, PostingLine, RawWebhook } from '@kassaflow/plugin-sdk';
import {
  openDoor,
  type LocalProvider,
  type OpenDoor,
  type SettledDay,
  type Subject,
  type WebhookVector,
} from '@kassaflow/plugin-sdk/testing';
import { HOST } from '../src/client.ts';
import plugin from '../src/plugin.ts';
import { startProvider, type SandboxProvider } from '../src/provider/provider.ts';
import { signatureHeader } from '../src/provider/webhook-sender.ts';

const SECRETS = ['whsec_sandbox_conformance_1', 'whsec_sandbox_conformance_2'] as const;
const SETTINGS = { apiKey: 'sandbox_conformance_key', webhookSecrets: [...SECRETS] };
/** The provider looks for payments whose time is over each second. */
const EXPIRY_MS = 1_500;
const DAY_MS = 86_400_000;
/** More than a page of 100. */
const SETTLED = 150;
/** The account that belongs to the key. */
const ACCOUNT = `acct_${createHash('sha256').update(SETTINGS.apiKey).digest('hex').slice(0, 16)}`;

export const subject: Subject = {
  plugin,
  folder: path.join(path.dirname(fileURLToPath(import.meta.url)), '..'),
  start: async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'kassaflow-sandbox-kit-'));
    const [provider, door] = await Promise.all([startProvider({ dataDir, isDurable: false }), openDoor()]);
    const books = new DatabaseSync(path.join(dataDir, 'sandbox.sqlite'), { timeout: 2_000 });
    return new SandboxWorld(provider, door, books, () => rmSync(dataDir, { recursive: true, force: true }));
  },
};

class SandboxWorld implements LocalProvider {
  readonly #provider: SandboxProvider;
  readonly #door: OpenDoor;
  readonly #books: DatabaseSync;
  readonly #remove: () => void;

  constructor(provider: SandboxProvider, door: OpenDoor, books: DatabaseSync, remove: () => void) {
    this.#provider = provider;
    this.#door = door;
    this.#books = books;
    this.#remove = remove;
  }

  get origins() {
    return { [`https://${HOST}`]: this.#provider.url };
  }

  readonly settings = SETTINGS;
  readonly wrongKey = { settings: { ...SETTINGS, apiKey: 'not_a_sandbox_key' }, field: 'apiKey' };

  get payments(): NonNullable<LocalProvider['payments']> {
    return {
      webhookUrl: this.#door.url,
      made: (reference) => this.#count('select count(*) as found from payment where reference = ?', reference),
      approve: (id) => this.#press(`pay/${id}/pay`),
      decline: (id, code) => this.#press(`pay/${id}/decline`, { code }),
      declines: { card_declined: 'card-declined', insufficient_funds: 'insufficient-funds', possible_fraud: 'fraud' },
      expire: async (id) => {
        this.#books.prepare('update payment set expires_at = 0 where id = ?').run(id);
        await this.#until(() => this.#count("select count(*) as found from payment where id = ? and state = 'expired'", id) === 1);
      },
      strange: (id, word) => void this.#books.prepare('update payment set state = ? where id = ?').run(word, id),
      refunds: (id) => this.#count('select count(*) as found from refund where payment = ?', id),
      refundAtDesk: (id, minor) => this.#refund(id, { amount: (minor / 100).toFixed(2), currency: 'EUR' }),
      dispute: (id) => this.#press(`payments/${id}/chargeback`),
      winDispute: (id) => this.#press(`payments/${id}/win`),
      loseDispute: (id) => this.#press(`payments/${id}/lose`),
    };
  }

  get mandates(): NonNullable<LocalProvider['mandates']> {
    return { give: () => this.#giveMandate(), revoke: (id) => this.#press(`mandates/${id}/revoke`) };
  }

  get settlements(): NonNullable<LocalProvider['settlements']> {
    return {
      settle: () => this.#settle(),
      emptyDay: { from: '2020-02-28', to: '2020-02-29' },
      notReady: () => ({ from: dayOf(Date.now()), to: dayOf(Date.now()) }),
    };
  }

  get webhooks(): NonNullable<LocalProvider['webhooks']> {
    const body = (type: string, payment = 'sbx_1'): string =>
      JSON.stringify({ id: `evt_${randomUUID()}`, type, created_at: new Date().toISOString(), data: { payment, reference: 'pay_1' } });
    const sign = (bytes: Uint8Array, secrets: readonly string[], at: number) => ({
      method: 'POST',
      url: this.#door.url,
      headers: { 'sandbox-signature': signatureHeader(secrets, Buffer.from(bytes).toString('utf8'), at) },
      body: bytes,
      receivedAt: at,
    });
    return {
      secrets: SECRETS,
      settings: (secrets) => ({ ...SETTINGS, webhookSecrets: [...secrets] }),
      sign: (bytes, { secrets, at }) => sign(bytes, secrets, at),
      header: 'sandbox-signature',
      windowMs: 300_000,
      body: () => body('payment.paid'),
      unknownBody: () => body('weather.changed'),
      sent: () => this.#door.atLeast(this.#count('select count(*) as found from webhook where id <> ?', '')),
      lie: (id) => sign(Buffer.from(body('payment.paid', id)), [SECRETS[0]], Date.now()),
      vectors: vectors(this.#door.url),
    };
  }

  get accounting(): NonNullable<LocalProvider['accounting']> {
    return {
      accounts: ['asset:receivable', 'income:sales'],
      entries: (reference) => this.#count('select count(*) as found from entry where reference = ?', reference),
      lines: (entry) =>
        this.#books
          .prepare('select ledger_account, debit, credit from entry_line where entry = ? order by position')
          .all(entry)
          .map((row): PostingLine => {
            const money = (minor: unknown): Money => ({ amount: (Number(minor) / 100).toFixed(2), currency: 'EUR' });
            const side = Number(row['debit']) > 0 ? { debit: money(row['debit']) } : { credit: money(row['credit']) };
            return { account: String(row['ledger_account']), ...side };
          }),
    };
  }

  get actions(): NonNullable<LocalProvider['actions']> {
    return {
      'sms.send': {
        input: { to: '+31612345678', text: 'Hello' },
        effects: () => this.#count('select count(*) as found from message where id <> ?', ''),
      },
      'email.send': {
        input: { to: 'ann@example.com', subject: 'Hello', text: 'Hello' },
        effects: () => this.#count('select count(*) as found from mail where id <> ?', ''),
      },
    };
  }

  get triggers(): NonNullable<LocalProvider['triggers']> {
    return { 'sandbox.message-sent': { make: (count) => this.#sendMessages(count) } };
  }

  async close(): Promise<void> {
    this.#books.close();
    await this.#provider.close();
    await this.#door.close();
    this.#remove();
  }

  async #giveMandate(): Promise<{ readonly mandate: string; readonly customer: string }> {
    const { id } = await this.#post('/v1/mandates', {
      reference: randomUUID(),
      kind: 'card',
      customer: 'cus_7',
      description: 'Membership',
      return_url: 'https://shop.example/return',
      webhook: { url: this.#door.url, secrets: SECRETS },
    });
    await this.#press(`mandate/${id}/approve`);
    return { mandate: id, customer: 'cus_7' };
  }

  /** As people have no button for yesterday, its lines are written into the books. */
  #settle(): SettledDay {
    const yesterday = Date.now() - DAY_MS;
    const write = this.#books.prepare(
      `insert into booking (account, kind, payment, reference, gross, fee, digits, currency, booked_at)
       values (?, 'payment', ?, ?, 995, 29, 2, 'EUR', ?)`,
    );
    for (let made = 0; made < SETTLED; made += 1) write.run(ACCOUNT, `sbx_${made}`, `pay_${made}`, yesterday);
    // Besides the payments: the payout.
    return { from: dayOf(yesterday), to: dayOf(yesterday), lines: SETTLED + 1 };
  }

  async #sendMessages(count: number): Promise<readonly string[]> {
    const sent = Array.from({ length: count }, () => this.#post('/v1/messages', { to: '+31612345678', text: 'News' }));
    return (await Promise.all(sent)).map(({ id }) => id);
  }

  async #refund(id: string, amount: Money): Promise<void> {
    await this.#post(`/v1/payments/${id}/refunds`, { reference: `desk-${randomUUID()}`, amount });
  }

  async #post(where: string, body: object): Promise<{ readonly id: string }> {
    const answer = await fetch(`${this.#provider.url}${where}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SETTINGS.apiKey}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new TypeError(`The sandbox answered ${answer.status} to ${where}`);
    return (await answer.json()) as { id: string };
  }

  /** A button on the sandbox's pages. */
  async #press(where: string, form: Readonly<Record<string, string>> = {}): Promise<void> {
    const answer = await fetch(`${this.#provider.url}/sandbox/${where}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ method: 'card', ...form }),
    });
    if (answer.status !== 303) throw new TypeError(`The button ${where} answered ${answer.status}`);
  }

  #count(question: string, value: string): number {
    return Number(this.#books.prepare(question).get(value)?.['found']);
  }

  async #until(holds: () => boolean): Promise<void> {
    const giveUpAt = Date.now() + EXPIRY_MS;
    while (!holds() && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Made with OpenSSL, not with our own code: `printf '1795000000.<body>' | openssl dgst -sha256 -hmac whsec_sandbox_known_secret`. */
const KNOWN = {
  secret: 'whsec_sandbox_known_secret',
  at: 1_795_000_000_000,
  body: '{"id":"evt_known","type":"payment.paid","created_at":"2026-11-20T10:00:00.000Z","data":{"payment":"sbx_known","reference":"pay_known"}}',
  header: 't=1795000000,v1=4b81ce3dcf9fcfe318b69f5326c389fc830f7c14ba998dd7393907db7ce9eaaf',
};

function vectors(url: string): readonly WebhookVector[] {
  const settings = { ...SETTINGS, webhookSecrets: [KNOWN.secret] };
  const given = (body: string, receivedAt: number): RawWebhook => {
    return { method: 'POST', url, headers: { 'sandbox-signature': KNOWN.header }, body: Buffer.from(body), receivedAt };
  };
  return [
    { name: 'made with OpenSSL', settings, delivery: given(KNOWN.body, KNOWN.at), right: true },
    { name: '301 s late', settings, delivery: given(KNOWN.body, KNOWN.at + 301_000), right: false },
    { name: 'a space behind the body', settings, delivery: given(`${KNOWN.body} `, KNOWN.at), right: false },
  ];
}
