/**
 * Events on the wire: CloudEvents 1.0, structured JSON.
 *
 * `type` has our prefix and the version of the payload: `com.kassaflow.payment.completed.v1`. What portals send may leave both
 * out (`custom.report-requested`). Of an event from a portal, `id` and `source` are the portal's own; `eventid` is the id by
 * which this API knows it, and `sequence` its position in the log (CloudEvents sequence extension).
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { nearest } from '../kernel/nearest.ts';
import { idOf, type Id } from '../kernel/ids.ts';
import { invalidInput } from '../platform/http/field-problems.ts';
import { findCardNumber } from '../platform/http/pan.ts';
import { requestErrors } from '../platform/http/request-errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { catalogue, findEvent } from './catalogue/catalogue.ts';
import type { EventDefinition } from './catalogue/define-event.ts';
import { eventErrors } from './event-errors.ts';
import type { IncomingEvent } from './event-intake.ts';
import type { DomainEvent } from './event.ts';

/** An event as this API gives it. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly eventid: Id<'evt'>;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly sequence: string;
  readonly datacontenttype: 'application/json';
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event as portals send it. Closed: extension attributes would be accepted and then lost. */
export const cloudEventSchema = z.strictObject({
  specversion: z.literal('1.0'),
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/, 'Letters, digits, "_" and "-" are accepted, 1 to 128 of them')
    .meta({
      description: 'Chosen by the sender; the same event is sent again under the same id, and counts once for each source',
      example: 'order-4711-paid',
    }),
  source: z
    .string()
    .regex(/^[!-~]{1,256}$/, 'A URI reference is accepted, 1 to 256 characters')
    .meta({ example: '/shop' }),
  type: z.string().max(200).meta({ example: 'com.kassaflow.custom.report-requested.v1' }),
  subject: z
    .string()
    .regex(/^[!-~]{1,256}$/, 'Printable characters without spaces are accepted, 1 to 256')
    .optional()
    .meta({ example: 'customer/4711' }),
  time: z.iso.datetime({ offset: true }).optional().meta({ description: 'When it happened, RFC 3339; default now' }),
  datacontenttype: z.literal('application/json').optional(),
  dataschema: z.string().max(500).optional(),
  data: z.record(z.string(), z.unknown()),
});

const TYPE_PREFIX = 'com.kassaflow.';
const MAX_AHEAD_MS = 300_000;
const MAX_AGE_MS = 365 * 86_400_000;
const MAX_EVENT_LENGTH = 65_536;

/** `com.kassaflow.payment.completed.v1` */
export function wireType({ type, version }: Pick<EventDefinition, 'type' | 'version'>): string {
  return `${TYPE_PREFIX}${type}.v${version}`;
}

/** The wire form of a recorded event. */
export function toCloudEvent(event: DomainEvent): CloudEvent {
  return {
    specversion: '1.0',
    id: event.sourceId,
    eventid: idOf('evt', event.id),
    source: event.source,
    type: wireType({ type: event.type, version: findEvent(event.type)?.version ?? 1 }),
    ...(event.subject !== '' && { subject: event.subject }),
    time: event.occurredAt.toISOString(),
    sequence: event.seq.toString(),
    datacontenttype: 'application/json',
    data: event.data,
  };
}

/**
 * Checks one parsed CloudEvent of a portal and makes it what the intake takes.
 *
 * @throws request.* for attributes and data that are not as they should be, all of them at once; request.card-number;
 *   events.unknown-type, events.reserved-type, events.time-future, events.time-too-old, events.data-too-large
 */
export function readCloudEvent(input: unknown, tenantId: string, now: Date): IncomingEvent {
  const envelope = cloudEventSchema.safeParse(input);
  if (!envelope.success) throw invalidInput(envelope.error.issues, input, cloudEventSchema);
  const { id, source, subject = '', time } = envelope.data;
  const definition = portalDefinition(envelope.data.type);
  const data = portalData(definition, envelope.data.data);
  const canonical = canonicalJson(input);
  if (canonical.length > MAX_EVENT_LENGTH) throw eventErrors['data-too-large']({ length: canonical.length });
  refuseCardNumbers(subject, data);
  return {
    tenantId,
    source,
    sourceId: id,
    type: definition.type,
    subject,
    occurredAt: time === undefined ? now : timeInWindow(time, now),
    data,
    bodyHash: hash('sha256', canonical, 'buffer'),
  };
}

/** @throws events.unknown-type, events.reserved-type */
function portalDefinition(wire: string): EventDefinition {
  const definition = findEvent(shortType(wire));
  if (!definition || (wire.startsWith(TYPE_PREFIX) && wire !== wireType(definition))) throw unknownType(wire);
  if (!definition.portal) throw eventErrors['reserved-type']({ type: definition.type });
  return definition;
}

function shortType(wire: string): string {
  return wire.startsWith(TYPE_PREFIX) ? wire.slice(TYPE_PREFIX.length).replace(/\.v[0-9]+$/, '') : wire;
}

function unknownType(wire: string): Error {
  const long = wire.startsWith(TYPE_PREFIX);
  const known = definitionNear(shortType(wire));
  const didYouMean = known && (long ? wireType(known) : known.type);
  return eventErrors['unknown-type']({ found: wire, didYouMean }).with([
    {
      pointer: '/type',
      code: 'events.unknown-type',
      detail: 'There is no such event type',
      ...(didYouMean !== undefined && { help: `Did you mean "${didYouMean}"?` }),
    },
  ]);
}

function definitionNear(type: string): EventDefinition | undefined {
  return findEvent(nearest(type, catalogue.keys()) ?? type);
}

/** @throws request.* with pointers under `/data` */
function portalData({ data: schema }: EventDefinition, data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({ ...issue, path: ['data', ...issue.path] }));
  throw invalidInput(issues, { data }, z.object({ data: schema }));
}

/** @throws request.card-number */
function refuseCardNumbers(subject: string, data: unknown): void {
  const pointer = findCardNumber({ subject, data });
  if (pointer === undefined) return;
  throw requestErrors['card-number']({ field: pointer }).with([
    { pointer, code: 'request.card-number', detail: 'This text holds a card number' },
  ]);
}

/** @throws events.time-future, events.time-too-old */
function timeInWindow(time: string, now: Date): Date {
  const at = new Date(time);
  const ageMs = now.getTime() - at.getTime();
  if (ageMs >= -MAX_AHEAD_MS && ageMs <= MAX_AGE_MS) return at;
  const code = ageMs < 0 ? 'time-future' : 'time-too-old';
  throw eventErrors[code]({ time, now: now.toISOString() }).with([
    { pointer: '/time', code: `events.${code}`, detail: 'The time is outside the window that is accepted' },
  ]);
}
