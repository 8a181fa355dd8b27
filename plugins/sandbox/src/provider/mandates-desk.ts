import { createHash, randomUUID } from 'node:crypto';
import { KIND_BY_METHOD, METHOD_BY_KIND, type MandateKind, type MandateRow, type MandateState } from './mandate-row.ts';
import type { Method, PaymentRow } from './payment-row.ts';
import { onlyFields, Problem, text, webAddress, type Fields } from './problem.ts';
import type { Store } from './store.ts';
import type { WebhookSender } from './webhook-sender.ts';

const CARD_YEARS = 3;
const LABELS: Readonly<Record<MandateKind, string>> = {
  card: 'Visa •••• 4242',
  'sepa-debit': 'NL•• SAND •••• 6789',
  agreement: 'Phone •••• 5678',
};

/**
 * Permissions to charge. pending ──the customer approves──▶ active ──the customer, or the merchant──▶ revoked; pending ──declined──▶
 * revoked. One that a payment leaves behind is active at once. Every change queues a webhook; the caller opens the transaction.
 */
export class MandatesDesk {
  readonly #store: Store;
  readonly #webhooks: WebhookSender;

  constructor(store: Store, webhooks: WebhookSender) {
    this.#store = store;
    this.#webhooks = webhooks;
  }

  /** Asks a customer for a permission. @throws Problem 400 for a field, 409 `reference_taken` */
  ask(account: string, fields: Fields, webhookUrl: string): MandateRow {
    onlyFields(fields, 'reference', 'kind', 'customer', 'description', 'return_url', 'webhook');
    const kind = text(fields, 'kind', 20);
    if (!isKind(kind)) throw new Problem(400, 'field_invalid', 'There are mandates for card, sepa-debit and agreement.', 'kind');
    const reference = text(fields, 'reference', 200);
    if (this.findByReference(account, reference))
      throw new Problem(409, 'reference_taken', 'There is a mandate with this reference.', 'reference');
    return this.#write({
      account,
      reference,
      kind,
      state: 'pending',
      customer: customerId(account, text(fields, 'customer', 200)),
      description: text(fields, 'description', 500),
      return_url: webAddress(fields, 'return_url'),
      webhook_url: webhookUrl,
    });
  }

  /** What a payment leaves behind that is to be remembered. */
  leave(payment: PaymentRow, method: Method): MandateRow {
    return this.#write({
      account: payment.account,
      reference: payment.reference,
      kind: KIND_BY_METHOD[method],
      state: 'active',
      customer: payment.customer ?? customerId(payment.account, payment.reference),
      description: payment.description,
      return_url: payment.return_url,
      webhook_url: payment.webhook_url,
    });
  }

  /** @throws Problem 404 `not_found` */
  get(id: string, account?: string): MandateRow {
    const row = this.#store.one<MandateRow>('select * from mandate where id = ?', id);
    if (!row || (account !== undefined && row.account !== account)) throw new Problem(404, 'not_found', 'There is no such mandate.');
    return row;
  }

  /** The one to charge. @throws Problem 404, 409 `mandate_<state>` */
  chargeable(id: string, account: string): MandateRow {
    const row = this.get(id, account);
    const isOld = row.valid_until !== null && row.valid_until <= Date.now();
    const state = isOld && row.state === 'active' ? 'expired' : row.state;
    if (state !== 'active') throw new Problem(409, `mandate_${state}`, `This mandate is ${state}.`, 'mandate');
    return row;
  }

  methodOf({ kind }: MandateRow): Method {
    return METHOD_BY_KIND[kind];
  }

  findByReference(account: string, reference: string): MandateRow | undefined {
    return this.#store.one<MandateRow>('select * from mandate where account = ? and reference = ?', account, reference);
  }

  newest(limit: number): readonly MandateRow[] {
    return this.#store.all<MandateRow>('select * from mandate order by created_at desc, rowid desc limit ?', limit);
  }

  /** @throws Problem 409 when it is not waiting any more */
  approve(id: string): MandateRow {
    this.#expectPending(id);
    return this.#enter(id, 'active');
  }

  /** @throws Problem 409 when it is not waiting any more */
  decline(id: string): MandateRow {
    this.#expectPending(id);
    return this.#enter(id, 'revoked');
  }

  /** Ends it, by whom ever; a second time changes nothing. */
  revoke(id: string): MandateRow {
    const row = this.get(id);
    return row.state === 'revoked' ? row : this.#enter(id, 'revoked');
  }

  #expectPending(id: string): void {
    const { state } = this.get(id);
    if (state !== 'pending') throw new Problem(409, 'state_conflict', `The mandate is ${state}, so this is not possible.`);
  }

  #enter(id: string, state: MandateState): MandateRow {
    this.#store.run('update mandate set state = ? where id = ?', state, id);
    const mandate = this.get(id);
    const { account, webhook_url: url, reference } = mandate;
    this.#webhooks.enqueue({ account, url, type: `mandate.${state}`, data: { mandate: id, reference } });
    return mandate;
  }

  #write(row: Omit<MandateRow, 'id' | 'label' | 'fingerprint' | 'created_at' | 'valid_until'>): MandateRow {
    const id = `sbn_${randomUUID()}`;
    const validUntil = row.kind === 'card' ? Date.UTC(new Date().getUTCFullYear() + CARD_YEARS, 11, 31, 23, 59, 59) : null;
    this.#store.insert('mandate', {
      id,
      ...row,
      label: LABELS[row.kind],
      fingerprint: `${row.kind}:${hash(row.customer)}`,
      created_at: Date.now(),
      valid_until: validUntil,
    });
    return this.get(id);
  }
}

/** A customer has no row here: the same caller's customer has always the same id. */
export function customerId(account: string, reference: string): string {
  return reference.startsWith('sbc_') ? reference : `sbc_${hash(`${account} ${reference}`)}`;
}

function isKind(kind: string): kind is MandateKind {
  return Object.hasOwn(METHOD_BY_KIND, kind);
}

function hash(of: string): string {
  return createHash('sha256').update(of).digest('hex').slice(0, 16);
}
