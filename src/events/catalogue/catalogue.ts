/**
 * The event catalogue: every type there is, by name.
 *
 * Types that begin with `custom.` belong to the portals and flows of a tenant; they need no entry here and carry any JSON
 * object of bounded size.
 */
import { z } from 'zod';
import { nearest } from '../../kernel/nearest.ts';
import { eventErrors } from '../event-errors.ts';
import { checkoutEvents } from './checkout.events.ts';
import { connectionEvents } from './connection.events.ts';
import { creditEvents } from './credit.events.ts';
import { customerEvents } from './customer.events.ts';
import type { EventDefinition } from './define-event.ts';
import { disputeEvents } from './dispute.events.ts';
import { guardEvents } from './guard.events.ts';
import { invoiceEvents } from './invoice.events.ts';
import { mandateEvents } from './mandate.events.ts';
import { orderEvents } from './order.events.ts';
import { paymentEvents } from './payment.events.ts';
import { receiptEvents } from './receipt.events.ts';
import { reconciliationEvents } from './reconciliation.events.ts';
import { refundEvents } from './refund.events.ts';
import { requestEvents } from './request.events.ts';
import { runEvents } from './run.events.ts';
import { scheduleEvents } from './schedule.events.ts';
import { settlementEvents } from './settlement.events.ts';
import { subscriptionEvents } from './subscription.events.ts';
import { usageEvents } from './usage.events.ts';
import { webhookEndpointEvents } from './webhook-endpoint.events.ts';

/** A JSON Schema (draft 2020-12), self-contained: shared shapes such as `Money` are under `$defs` by their name. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Every declared event by type, in the order of the catalogue page. `custom.*` is not among them. */
export const catalogue: ReadonlyMap<string, EventDefinition> = new Map(
  [
    ...paymentEvents,
    ...refundEvents,
    ...receiptEvents,
    ...disputeEvents,
    ...mandateEvents,
    ...requestEvents,
    ...checkoutEvents,
    ...invoiceEvents,
    ...orderEvents,
    ...creditEvents,
    ...customerEvents,
    ...subscriptionEvents,
    ...usageEvents,
    ...settlementEvents,
    ...reconciliationEvents,
    ...runEvents,
    ...scheduleEvents,
    ...guardEvents,
    ...connectionEvents,
    ...webhookEndpointEvents,
  ].map((definition) => [definition.type, definition]),
);

/** The shape of a name below `custom.`: lower-case words with dots and hyphens, 128 characters in all. */
const CUSTOM = /^custom(?:\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*){1,8}$/;
const MAX_TYPE_LENGTH = 128;

const customData = z.record(z.string(), z.unknown());

/** Tells whether `type` is a well-formed name of a tenant's own event. */
export function isCustomType(type: string): boolean {
  return type.length <= MAX_TYPE_LENGTH && CUSTOM.test(type);
}

/** The definition of `type`, or `undefined` when there is none. */
export function findEvent(type: string): EventDefinition | undefined {
  return catalogue.get(type) ?? (isCustomType(type) ? customDefinition(type) : undefined);
}

/** As {@link findEvent}. @throws events.unknown-type with the nearest type there is */
export function definitionOf(type: string): EventDefinition {
  const found = findEvent(type);
  if (found) return found;
  throw eventErrors['unknown-type']({ found: type.slice(0, MAX_TYPE_LENGTH), didYouMean: nearest(type, catalogue.keys()) });
}

/** The JSON Schema of the payload of every declared type; made once, on first use. */
export function eventSchemas(): ReadonlyMap<string, JsonSchema> {
  schemas ??= new Map([...catalogue.values()].map(({ type, data }) => [type, z.toJSONSchema(data)]));
  return schemas;
}

let schemas: ReadonlyMap<string, JsonSchema> | undefined;

function customDefinition(type: string): EventDefinition {
  return { type, version: 1, summary: 'An event of the tenant.', data: customData, example: {}, portal: true };
}
