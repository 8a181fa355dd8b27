import { ok, unknown, type Context, type Outcome, type PaymentFacts, type RefundResult } from '@kassaflow/plugin-sdk';
import { isInHistory } from './charge-facts.ts';
import { chargeText, fetchCharge, pathOf, type ChargeId } from './charges.ts';
import { KEY_LENGTH, keyOf, send, type Answer } from './client.ts';
import { once } from './once.ts';
import type { Settings } from './settings.ts';

type Ctx = Context<Settings>;
type Amount = { readonly currency: string; readonly value: number };

const keyLength = KEY_LENGTH.recurring;

export async function captureCharge(context: Ctx, id: ChargeId, amount: Amount): Promise<Outcome<PaymentFacts>> {
  const body = { amount: amount.value, description: 'Capture' };
  const sent = await changeOnce(context, id, { change: 'capture', body, event: 'CAPTURE', amount });
  return sent.kind === 'ok' ? afterwards(context, id) : sent;
}

export async function cancelCharge(context: Ctx, id: ChargeId): Promise<Outcome<PaymentFacts>> {
  const sent = await send(context, { manner: 'write', method: 'DELETE', path: pathOf(id), keyLength });
  if (sent.kind === 'ok') return afterwards(context, id);
  if (sent.kind !== 'failed' || sent.reason !== 'permanent') return sent;
  const found = await fetchCharge(context, id);
  const isOver = found.kind === 'ok' && found.value.captured === 0 && found.value.ended !== undefined;
  return isOver ? found : sent;
}

/** A refund is done with 204; 202 says that it is on its way. */
export async function refundCharge(context: Ctx, id: ChargeId, amount: Amount, reason: string | undefined): Promise<Outcome<RefundResult>> {
  const body = { amount: amount.value, description: chargeText(reason ?? '', 'Refund') };
  const sent = await changeOnce(context, id, { change: 'refund', body, event: 'REFUND', amount });
  if (sent.kind !== 'ok') return sent;
  return ok({ providerId: keyOf(context.idempotencyKey, keyLength), state: sent.value.status === 202 ? 'pending' : 'done' }, id.charge);
}

/** Captures or refunds. The charge's history keeps the key of each change. */
async function changeOnce(
  context: Ctx,
  id: ChargeId,
  what: { readonly change: 'capture' | 'refund'; readonly body: object; readonly event: string; readonly amount: Amount },
): Promise<Outcome<Answer>> {
  const path = `${pathOf(id)}/${what.change}`;
  const changed = await once(
    context,
    () => send(context, { manner: 'write', method: 'POST', path, body: what.body, keyLength }),
    async () => {
      const read = await send(context, { manner: 'read', method: 'GET', path: pathOf(id) });
      if (read.kind !== 'ok') return read;
      return ok(isInHistory(read.value.body, what.event, keyOf(context.idempotencyKey, keyLength), what.amount.value));
    },
  );
  return changed === 'done' ? ok({ status: 204, body: undefined }) : changed;
}

/** These answers are empty, so the charge is looked at. A look that fails does not undo what was done. */
async function afterwards(context: Ctx, id: ChargeId): Promise<Outcome<PaymentFacts>> {
  const after = await fetchCharge(context, id);
  return after.kind === 'ok' ? after : unknown('The change was made, and looking at it failed.');
}
