/** A shop that runs Kassaflow: the program itself, and on this machine everybody it talks to. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startMailServer, type MailServer } from '../providers/mail-server.ts';
import { startStripeServer, type StripeServer } from '../providers/stripe-server.ts';
import { startTwilioServer, type TwilioServer } from '../providers/twilio-server.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';

export interface ShopOptions {
  /** Settings of the program beyond what a shop needs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Flow files in `test/`, published besides those that come with Kassaflow. */
  readonly flows?: readonly string[];
  /** Flows that come with Kassaflow besides those about a payment and its refund. */
  readonly shipped?: readonly string[];
  /** For how long a request is sent again when it is not answered. */
  readonly patienceMs?: number;
}

/** What the shop's connections to its providers are called. */
const CONNECTIONS = ['card', 'texts', 'mail', 'book'] as const;
export type ConnectionName = (typeof CONNECTIONS)[number];

export const WEBHOOK_SECRET = 'whsec_the_secret_of_this_shop';
const TENANT = 'shop';
const ROOT = join(import.meta.dirname, '../..');

export class Shop {
  readonly app: AppProcess;
  readonly stripe: StripeServer;
  readonly twilio: TwilioServer;
  readonly mail: MailServer;
  /** The id of each connection. */
  readonly connections = new Map<ConnectionName, string>();
  readonly #options: ShopOptions;
  #api: Api | undefined;
  #apiKey = '';

  /** Starts everything, connects it, publishes the flows: by commands, as a person would. */
  static async open(options: ShopOptions = {}): Promise<Shop> {
    const [stripe, twilio, mail] = await Promise.all([startStripeServer(), startTwilioServer({ accountType: 'Trial' }), startMailServer()]);
    const app = await AppProcess.prepare({
      LOG_LEVEL: 'warn',
      KASSAFLOW_DEMO: 'false',
      KASSAFLOW_FLOWS: 'database',
      KASSAFLOW_EGRESS_MAP: `https://api.stripe.com=${stripe.url},https://api.twilio.com=${twilio.url}`,
      ...options.environment,
    });
    const shop = new Shop(app, stripe, twilio, mail, options);
    try {
      await app.start();
      await shop.#prepare();
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  private constructor(app: AppProcess, stripe: StripeServer, twilio: TwilioServer, mail: MailServer, options: ShopOptions) {
    this.app = app;
    this.stripe = stripe;
    this.twilio = twilio;
    this.mail = mail;
    this.#options = options;
  }

  get api(): Api {
    if (!this.#api) throw new Error('The shop is not open yet');
    return this.#api;
  }

  /** Where Stripe delivers to. */
  get webhookUrl(): string {
    return `${this.app.url}/webhooks/stripe/${this.connections.get('card')}`;
  }

  /** Runs a command and gives back what it printed as JSON, or as text. @throws when it does not end with 0 */
  async command<T = string>(...args: readonly string[]): Promise<T> {
    const { code, output } = await this.app.cli(args, { KASSAFLOW_API_KEY: this.#apiKey });
    if (code !== 0) throw new Error(`kassaflow ${args.join(' ')} ended with ${code}:\n${output}`);
    return (args.includes('--json') ? JSON.parse(output) : output) as T;
  }

  /** References of all entries in the book of the accounting office, each as often as it was posted. */
  postings(): readonly string[] {
    // The office's own file: its pages show no more than the newest hundred.
    const file = new DatabaseSync(join(this.app.folder, 'data/sandbox/sandbox.sqlite'), { readOnly: true });
    try {
      return file
        .prepare('select reference from entry order by number')
        .all()
        .map((row) => String(row['reference']));
    } finally {
      file.close();
    }
  }

  /** Stops everything and leaves nothing behind. */
  async close(): Promise<void> {
    await this.app.dispose();
    await Promise.all([this.stripe.close(), this.twilio.close(), this.mail.close()]);
  }

  async #prepare(): Promise<void> {
    const key = await this.command<{ secret: string }>('key', 'create', 'shop', '--tenant', TENANT, '--json');
    this.#apiKey = key.secret;
    this.#api = new Api(this.app.url, key.secret, this.#options.patienceMs);
    for (const [name, plugin, settings] of this.#settings()) {
      const set = Object.entries(settings).flatMap(([field, value]) => ['--set', `${field}=${value}`]);
      const { id } = await this.command<{ id: string }>('connection', 'add', name, plugin, ...set, '--json');
      this.connections.set(name, id);
    }
    this.stripe.webhooks.target = { url: this.webhookUrl, secrets: [WEBHOOK_SECRET] };
    await this.command('flow', 'publish', this.#flows());
  }

  #settings(): readonly (readonly [ConnectionName, string, Readonly<Record<string, string>>])[] {
    const { twilio } = this;
    return [
      ['card', 'stripe', { secretKey: this.stripe.apiKey, webhookSecrets: WEBHOOK_SECRET }],
      ['texts', 'twilio', { accountSid: twilio.accountSid, authToken: twilio.authToken, from: '+3197010240000' }],
      ['mail', 'smtp', { host: '127.0.0.1', port: String(this.mail.port), security: 'none', from: 'shop@example.com' }],
      ['book', 'sandbox', { apiKey: 'sandbox_the_office_of_this_shop', webhookSecrets: 'whsec_nothing_comes_from_there' }],
    ];
  }

  /** The flows that come with Kassaflow, with the connections of this shop named in them, and the given ones. */
  #flows(): string {
    const folder = join(this.app.folder, 'flows');
    mkdirSync(folder);
    for (const name of ['payment-completed.yaml', 'refund-completed.yaml', ...(this.#options.shipped ?? [])])
      writeFileSync(join(folder, name), withConnections(readFileSync(join(ROOT, 'flows', name), 'utf8')));
    for (const file of this.#options.flows ?? []) {
      writeFileSync(join(folder, file.replaceAll('/', '-')), readFileSync(join(ROOT, 'test', file), 'utf8'));
    }
    return folder;
  }
}

/** Texts and letters can be sent by several of its connections, so the flow has to say which one does. */
function withConnections(source: string): string {
  const via = { 'sms.send': 'texts', 'email.send': 'mail', 'accounting.post': 'book' };
  return Object.entries(via).reduce(
    (text, [action, connection]) =>
      text.replaceAll(
        new RegExp(`^( *)(- )?do: ${action.replace('.', '\\.')}$`, 'gm'),
        (line, indent: string, dash = '') => `${line}\n${indent}${' '.repeat(dash.length)}via: ${connection}`,
      ),
    source,
  );
}
