/** The program itself with one connection to a provider's desk: what a shop has when it takes money through this provider. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Desk, Posted } from '../../desks/desk.ts';
import { seededRandom } from '../../chaos/random.ts';
import { Api } from '../../support/api.ts';
import { AppProcess } from '../../support/app-process.ts';
import { until } from '../../support/until.ts';

/** As providers know the program; on this machine its own port stands behind it. */
const PUBLIC_URL = 'https://shop.example';
const CLOCK = join(import.meta.dirname, '../../chaos/clock-jump.mjs');
/** On a machine that does other things too. */
const PATIENCE_MS = 60_000;

/** A payment as the API shows it, as far as stories look. */
export interface Paid {
  readonly id: string;
  readonly status: string;
  readonly providerId: string;
  readonly invoices: readonly string[];
}

export class Till {
  readonly desk: Desk;
  readonly app: AppProcess;
  readonly #api: Api;
  readonly #connection: string;
  /** What was not taken: providers send it again, signed anew. */
  #refused: Posted[] = [];
  #ahead = 0;
  #count = 0;

  static async open(desk: Desk): Promise<Till> {
    const map = desk.plugin.hosts.map((host) => `https://${host}=${desk.url}`).join(',');
    const app = await AppProcess.prepare({
      LOG_LEVEL: 'warn',
      KASSAFLOW_DEMO: 'false',
      KASSAFLOW_FLOWS: 'database',
      KASSAFLOW_PUBLIC_URL: PUBLIC_URL,
      KASSAFLOW_EGRESS_MAP: map,
      NODE_OPTIONS: `--import ${CLOCK}`,
    });
    try {
      writeFileSync(join(app.folder, 'clock'), '0');
      await app.start({ CHAOS_CLOCK: join(app.folder, 'clock') });
      const { code, output } = await app.cli(['key', 'create', 'till', '--tenant', 'till', '--json']);
      if (code !== 0) throw new Error(output);
      const api = new Api(app.url, (JSON.parse(output) as { secret: string }).secret);
      const wish = { name: 'till', plugin: desk.plugin.id, settings: desk.settings };
      const { id } = await api.post<{ id: string }>('/v1/connections', wish);
      return new Till(desk, app, api, id);
    } catch (error) {
      await app.dispose();
      throw error;
    }
  }

  private constructor(desk: Desk, app: AppProcess, api: Api, connection: string) {
    this.desk = desk;
    this.app = app;
    this.#api = api;
    this.#connection = connection;
  }

  get api(): Api {
    return this.#api;
  }

  close(): Promise<void> {
    return this.app.dispose();
  }

  /** An invoice of 20.00 that nobody has paid. */
  async invoice(): Promise<string> {
    this.#count += 1;
    const details = { reference: `customer-${this.#count}`, name: 'Kim Jansen', firstName: 'Kim', email: `kim-${this.#count}@example.com` };
    const customer = (await this.#api.post<{ id: string }>('/v1/customers', details)).id;
    const lines = [{ description: 'Hours', quantity: 2, unit: this.amount(1_000), vatRate: 0 }];
    const { id } = await this.#api.post<{ id: string }>('/v1/invoices', { customer, description: 'Work', lines }, `invoice-${this.#count}`);
    await this.#api.post(`/v1/invoices/${id}/issue`, {});
    return id;
  }

  /** Opens a payment of the invoice; at a terminal through a checkout session, because nothing else leads there. */
  async pay(invoice: string): Promise<Paid> {
    this.#count += 1;
    const key = `pay-${this.#count}`;
    const wish = { invoices: [invoice], connection: 'till', returnUrl: 'https://shop.example/thanks' };
    const { flow, device } = this.desk.order;
    if (flow === undefined) return this.payment((await this.#api.post<{ id: string }>('/v1/payments', wish, key)).id);
    const session = await this.#api.post<{ id: string }>('/v1/checkout-sessions', { ...wish, device }, key);
    const { payment } = await this.#api.post<{ payment: string }>(`/v1/checkout-sessions/${session.id}/pay`, { method: 'till.card', flow });
    return this.payment(payment);
  }

  payment(id: string): Promise<Paid> {
    return this.#api.get<Paid>(`/v1/payments/${id}`);
  }

  /** The newest payment, which somebody is opening at this moment. */
  async newest(after: string): Promise<Paid> {
    let found: Paid | undefined;
    await this.eventually(
      async () =>
        ([found] = (await this.#api.get<{ items: readonly Paid[] }>('/v1/payments?limit=1')).items)[0] !== undefined && found?.id !== after,
      () => 'no payment was written down',
    );
    if (!found) throw new Error('no payment was written down');
    return found;
  }

  /** Waits until the payment has come to this. What the provider posts meanwhile arrives. */
  async becomes(id: string, ...wanted: readonly string[]): Promise<Paid> {
    let paid = await this.payment(id);
    await this.eventually(
      async () => {
        await this.deliver();
        return wanted.includes((paid = await this.payment(id)).status);
      },
      () => `the payment is ${paid.status} and never became ${wanted.join(' or ')}`,
    );
    return paid;
  }

  /** Carries what the provider has posted to our door, each as often as told and shuffled by the same seed always. */
  async deliver(times = 1, posted?: readonly Posted[]): Promise<readonly number[]> {
    // The program sees a jump of the clock a moment later than the desk, and takes nothing from the future until then.
    const again = posted ? [] : this.#refused.splice(0);
    const mail = (posted ?? [...again, ...(await this.desk.posted())]).flatMap((one) => Array.from({ length: times }, () => one));
    const random = seededRandom(mail.length);
    const shuffled =
      times === 1
        ? mail
        : mail
            .map((one) => ({ one, at: random() }))
            .toSorted((a, b) => a.at - b.at)
            .map(({ one }) => one);
    const answers = await Promise.all(shuffled.map((one) => this.#knock(one)));
    if (!posted) this.#refused.push(...shuffled.filter((_one, index) => answers[index] !== 200));
    return answers;
  }

  /** Time passes, there and here. The program sees it within a tenth of a second. */
  async advance(ms: number): Promise<void> {
    this.#ahead += ms;
    writeFileSync(join(this.app.folder, 'clock'), String(this.#ahead));
    await this.desk.advance(ms);
  }

  /** Time has passed at the desk alone. */
  catchUp(ms: number): Promise<void> {
    this.#ahead += ms;
    writeFileSync(join(this.app.folder, 'clock'), String(this.#ahead));
    return Promise.resolve();
  }

  /** The payment after whatever the provider has posted has arrived, and after it was asked. */
  async lookedAt(id: string): Promise<Paid> {
    await this.deliver();
    await this.#api.send('POST', `/v1/payments/${id}/refresh`, {});
    return this.payment(id);
  }

  /** Lets time pass in steps until something has come about. */
  async eventuallyAfter(stepMs: number, what: () => Promise<boolean>, describe: () => string): Promise<void> {
    for (let step = 0; step < 40; step += 1) {
      if (await what()) return;
      await this.advance(stepMs);
      const by = performance.now() + 1_500;
      // The program looks for what is due once a second.
      await until(async () => performance.now() > by || (await what()), describe, PATIENCE_MS);
    }
    throw new Error(`${describe()}\n${this.app.output.slice(-3_000)}`);
  }

  eventually(what: () => Promise<boolean>, describe: () => string): Promise<void> {
    return until(what, () => `${describe()}\n${this.app.output.slice(-3_000)}`, PATIENCE_MS);
  }

  /** What the provider owes us for a payment by our own ledger, with the fees that it kept, and what of it lies on invoices. */
  async books(id: string): Promise<{ readonly owed: number; readonly onInvoices: number }> {
    interface Line {
      readonly account: string;
      readonly side: 'debit' | 'credit';
      readonly amount: { readonly amount: string };
    }
    const { items } = await this.#api.get<{ items: readonly { readonly lines: readonly Line[] }[] }>(
      `/v1/ledger/entries?subject=payment/${id}`,
    );
    const sum = (of: RegExp): number =>
      items
        .flatMap(({ lines }) => lines)
        .reduce(
          (total, { account, side, amount }) =>
            total + (of.test(account) ? (side === 'debit' ? 1 : -1) * Math.round(Number(amount.amount) * 100) : 0),
          0,
        );
    return { owed: sum(/^(asset:clearing:|expense:fees)/), onInvoices: 0 - sum(/^asset:receivable/) };
  }

  amount(minor: number): { readonly amount: string; readonly currency: string } {
    return { amount: (minor / 100).toFixed(2), currency: this.desk.currency };
  }

  async #knock(posted: Posted): Promise<number> {
    // The signed host is the public one; the connection needs this machine's own.
    const { host: _host, ...sent } = posted.headers();
    const answer = await fetch(`${this.app.url}/webhooks/${this.desk.plugin.id}/${this.#connection}`, {
      method: 'POST',
      headers: sent,
      body: posted.body,
    });
    await answer.body?.cancel();
    return answer.status;
  }
}
