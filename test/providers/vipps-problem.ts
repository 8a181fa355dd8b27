import { jsonReply, type Reply } from '../../plugins/sandbox/src/provider/http-server.ts';

/** A refusal in the words of Vipps MobilePay. `code` is the numeric one; a malformed field has none and names the field. */
export class VippsProblem extends Error {
  readonly status: number;
  readonly details: readonly object[];

  constructor(
    status: number,
    title: string,
    { code, field, reason = title }: { readonly code?: number; readonly field?: string; readonly reason?: string } = {},
  ) {
    super(title);
    this.status = status;
    this.details = [
      ...(code === undefined ? [] : [{ name: 'ErrorCode', reason: String(code) }]),
      ...(field === undefined ? [] : [{ name: field, reason, field, text: reason }]),
    ];
  }
}

export function problemReply({ status, message, details }: VippsProblem, instance: string): Reply {
  const body = {
    type: `https://httpstatuses.io/${status}`,
    title: message,
    detail: `${message}.`,
    instance,
    status,
    ...(details.length > 0 ? { extraDetails: details } : {}),
    traceId: '00-813b63975adcaaeef2b0ec7c103c40e3-706492e906541d31-01',
    contextId: 'f70b8bf7-c843-4bea-95d9-94725b19895f',
  };
  return { ...jsonReply(status, body), headers: { 'content-type': 'application/problem+json; charset=utf-8' } };
}

export type Json = Readonly<Record<string, unknown>>;

/** An object with no other fields than these: anything else is refused, as there. */
export function objectOf(value: unknown, name: string, allowed: readonly string[], required: readonly string[] = []): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new VippsProblem(400, 'Bad Request', { field: name, reason: 'must be an object' });
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) throw new VippsProblem(400, 'Bad Request', { field: prefixed(name, unknown), reason: 'is not a known field' });
  const missing = required.find((key) => (value as Json)[key] === undefined);
  if (missing !== undefined) throw new VippsProblem(400, 'Missing required parameter', { code: 4140, field: prefixed(name, missing) });
  return value as Json;
}

export function textOf(
  body: Json,
  name: string,
  { pattern, least = 1, most = 1_000 }: { readonly pattern?: RegExp; readonly least?: number; readonly most?: number } = {},
): string {
  const value = body[name];
  if (typeof value !== 'string' || value.length < least || value.length > most || (pattern && !pattern.test(value)))
    throw new VippsProblem(400, 'Bad Request', { field: name, reason: 'does not match' });
  return value;
}

export function wholeOf(body: Json, name: string, least = 1, most = 65_000_000): number {
  const value = body[name];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new VippsProblem(400, 'Invalid amount', { code: 4040, field: name });
  if (value < least || value > most)
    throw new VippsProblem(400, 'Bad Request', { field: name, reason: `must be between ${least} and ${most}` });
  return value;
}

function prefixed(name: string, field: string): string {
  return name === '' ? field : `${name}.${field}`;
}
