/**
 * A shop that collects by direct debit over weeks: the program itself, Mollie's local server as its bank, and the sandbox for its letters. Its
 * clock is set forward as a machine's; that of its database too, where a story asks for it, because run timers go by that one.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMollieServer, type MollieServer } from '../providers/mollie-server.ts';
import { Api } from '../support/api.ts';
import { AppProcess } from '../support/app-process.ts';
import { setDatabaseForward } from '../support/database-time.ts';
import { until } from '../support/until.ts';

export const DAY_MS = 86_400_000;
export const PATIENCE_MS = 90_000;
/** For opening the shop, and for each of its stories. */
export const WEEKS_MS = 900_000;

const ROOT = join(import.meta.dirname, '../..');
const FLOWS = ['flows/failed-payment.yaml', 'test/stories/flows/collect-by-mandate.yaml'];
const euro = (amount: string) => ({ amount, currency: 'EUR' });

export class CollectingShop {
  readonly mollie: MollieServer;
  readonly app: AppProcess;
  #api: Api | undefined;
  #ahead = 0;

  /** Starts everything, connects it and publishes the flows. */
  static async open(): Promise<CollectingShop> {
    const mollie = await startMollieServer({ sendWebhooks: true });
    const app = await AppProcess.prepare({
      LOG_LEVEL: 'warn',
      KASSAFLOW_DEMO: 'false',
      KASSAFLOW_FLOWS: 'database',
      KASSAFLOW_EGRESS_MAP: `https://api.mollie.com=${mollie.url}`,
      NODE_OPTIONS: `--import ${join(ROOT, 'test/chaos/clock-jump.mjs')}`,
    });
    const shop = new CollectingShop(mollie, app);
    try {
      await shop.start();
      await shop.#prepare();
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  private constructor(mollie: MollieServer, app: AppProcess) {
    this.mollie = mollie;
    this.app = app;
  }

  get api(): Api {
    if (!this.#api) throw new Error('The shop is not open yet');
    return this.#api;
  }

  /** The charges of mandates at the provider, oldest first. */
  get charges(): MollieServer['book']['payments'] {
    return this.mollie.book.payments.filter(({ sequenceType }) => sequenceType === 'recurring').toReversed();
  }

  /** Starts the program by the time that it is for the shop. */
  async start(): Promise<void> {
    const clock = join(this.app.folder, 'clock');
    writeFileSync(clock, String(this.#ahead));
    await this.app.start({ CHAOS_CLOCK: clock });
  }

  /** Time passes while the program is dead, `everywhere` for its database too. */
  async killFor(ms: number, everywhere: 'everywhere' | 'for the program' = 'for the program'): Promise<void> {
    this.#ahead += ms;
    if (everywhere === 'everywhere') await setDatabaseForward(this.app.folder, this.#ahead);
    await this.app.kill();
    await this.start();
  }

  eventually(what: () => Promise<boolean>, describe: () => string): Promise<void> {
    return until(what, () => `${describe()}\n${this.app.output.slice(-3_000)}`, PATIENCE_MS);
  }

  /** A customer whose first payment left a mandate behind. @returns its id */
  async customerWithMandate(): Promise<string> {
    const customer = await this.api.post<{ id: string }>('/v1/customers', { name: 'Kim Jansen', email: 'kim@example.com', locale: 'nl' });
    const mandate = { customer: customer.id, amount: euro('1.00'), description: 'first', save: true, method: 'ideal', connection: 'bank' };
    const wish = { ...mandate, returnUrl: `${this.app.url}/done` };
    const first = await this.api.post<{ providerId: string }>('/v1/payments', wish, 'first');
    this.mollie.book.pay(first.providerId);
    await this.eventually(
      async () => (await this.api.get(`/v1/customers/${customer.id}`))['hasMandate'] === true,
      () => 'the mandate was never known',
    );
    return customer.id;
  }

  /** An invoice of 60.00 that was not issued yet. @returns its id */
  async draftInvoice(customer: string): Promise<string> {
    const lines = [{ description: 'Hours', quantity: 1, unit: euro('60.00'), vatRate: 0 }];
    return (await this.api.post<{ id: string }>('/v1/invoices', { customer, description: 'Work', lines }, 'invoice')).id;
  }

  async becomes(path: string, status: string): Promise<void> {
    let last: unknown;
    await this.eventually(
      async () => (last = (await this.api.get(path))['status']) === status,
      () => `${path} is ${String(last)} and never became ${status}`,
    );
  }

  /** Waits until the flow has this one run, and that has come so far. */
  async runIs(flow: string, status: string): Promise<void> {
    let last: readonly string[] = [];
    await this.eventually(
      async () => {
        const { items } = await this.api.get<{ items: readonly { readonly status: string }[] }>(`/v1/runs?flow=${flow}`);
        last = items.map((run) => run.status);
        return last.join() === status;
      },
      () => `the run of ${flow} is ${last.join()} and never became ${status}`,
    );
  }

  /** Stops everything and leaves nothing behind. */
  async close(): Promise<void> {
    await this.app.dispose();
    await this.mollie.close();
  }

  async #prepare(): Promise<void> {
    const { secret } = JSON.parse(await this.#command({}, 'key', 'create', 'shop', '--tenant', 'shop', '--json')) as { secret: string };
    this.#api = new Api(this.app.url, secret, PATIENCE_MS);
    await this.#api.post('/v1/connections', { name: 'bank', plugin: 'mollie', settings: { apiKey: this.mollie.apiKey } });
    const office = { apiKey: 'sandbox_the_letters_of_this_shop', webhookSecrets: ['whsec_nothing_comes_from_there'] };
    await this.#api.post('/v1/connections', { name: 'letters', plugin: 'sandbox', settings: office });
    await this.#command({ KASSAFLOW_API_KEY: secret }, 'flow', 'publish', this.#flows());
  }

  async #command(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
    const { code, output } = await this.app.cli(args, environment);
    if (code !== 0) throw new Error(output);
    return output;
  }

  #flows(): string {
    const folder = join(this.app.folder, 'flows');
    mkdirSync(folder);
    for (const file of FLOWS) writeFileSync(join(folder, file.split('/').at(-1) ?? ''), readFileSync(join(ROOT, file)));
    return folder;
  }
}
