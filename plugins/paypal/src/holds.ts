/** How long money can be taken: of an approval, of a hold. */
import type { Context } from '@kassaflow/plugin-sdk';
import { AUTHORIZATION_MS, ORDER_HOURS } from './assumptions.ts';
import { HELD, isOpenHold, total, type Parts } from './order-parts.ts';
import type { Settings } from './settings.ts';
import { momentOf, type Authorization, type Order } from './wire.ts';

/** What is held, or stands for it, in minor units. */
export interface Hold {
  readonly authorized: number;
  readonly voided: number;
  readonly captureBefore?: number;
  /** Its time has passed. */
  readonly isOver: boolean;
}

/**
 * With intent AUTHORIZE the money is held at PayPal. With intent CAPTURE nothing is held: the payer's approval stands for it, because until
 * its end the money is ours for the taking and for nobody's else.
 */
export function holdOf(context: Context<Settings>, order: Order, parts: Parts, captured: number): Hold {
  const { settings } = context;
  const at = context.now().getTime();
  if (order.intent !== 'AUTHORIZE') {
    const isApproved = order.status === 'APPROVED' && parts.captures.length === 0;
    const captureBefore = approvalEnds(settings, order);
    const isOver = captureBefore !== undefined && at > captureBefore + (isApproved ? 0 : approvalMs(settings));
    if (!isApproved) return { authorized: captured, voided: 0, isOver: isOver && parts.captures.length === 0 };
    return {
      authorized: parts.asked,
      voided: isOver || parts.isCancelled ? parts.asked : 0,
      ...(captureBefore === undefined ? {} : { captureBefore }),
      isOver,
    };
  }
  const held = parts.authorizations.filter(({ status }) => HELD.has(status ?? ''));
  const ends = (hold: Authorization): number =>
    momentOf(hold.expiration_time) ?? (momentOf(hold.create_time) ?? Number.POSITIVE_INFINITY) + AUTHORIZATION_MS;
  const open = held.filter((hold) => isOpenHold(hold) && at <= ends(hold));
  const authorized = total(held);
  const captureBefore = Math.min(...open.map(ends));
  const approval = approvalEnds(settings, order);
  return {
    authorized,
    voided: open.length > 0 ? 0 : Math.max(0, authorized - captured),
    ...(Number.isFinite(captureBefore) ? { captureBefore } : {}),
    isOver:
      held.length > 0
        ? held.every((hold) => isOpenHold(hold) && at > ends(hold))
        : approval !== undefined && at > approval + (order.status === 'APPROVED' ? 0 : approvalMs(settings)),
  };
}

/** Until when an approved order can be captured: PayPal gives the payer's approval as long as the order had to be approved. */
export function approvalEnds(settings: Settings, order: Order): number | undefined {
  const approvedAt = momentOf(order.update_time) ?? momentOf(order.create_time);
  return approvedAt === undefined ? undefined : approvedAt + (settings.orderHours ?? ORDER_HOURS) * 3_600_000;
}

function approvalMs(settings: Settings): number {
  return (settings.orderHours ?? ORDER_HOURS) * 3_600_000;
}
