/** A shop that makes checkout sessions, and a payer in front of the page. */
import { expect } from '@jest/globals';
import type { DomainApp } from './domain-app.ts';

export interface MadeSession {
  readonly id: string;
  readonly url: string;
  /** `/pay/{token}`. */
  readonly path: string;
  readonly clientToken: string;
}

export function payerAt(app: () => DomainApp) {
  /** A session over 54.45 EUR, unless told. */
  const made = async (more: object = {}): Promise<MadeSession> => {
    const { status, body } = await app().send('POST', '/v1/checkout-sessions', {
      amount: { amount: '54.45', currency: 'EUR' },
      description: 'Credits',
      returnUrl: 'https://shop.example/thanks',
      ...more,
    });
    expect([status, body['code']]).toEqual([201, undefined]);
    const url = String(body['url']);
    return { id: String(body['id']), url, path: new URL(url).pathname, clientToken: String(body['clientToken']) };
  };
  const page = async (url: string) => {
    const answer = await app().app.inject({ method: 'GET', url, headers: { 'accept-language': 'da' } });
    return { status: answer.statusCode, headers: answer.headers, html: answer.body };
  };
  /** Sends the form, as a browser without a script does. */
  const press = async (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) => {
    const answer = await app().app.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(fields).toString(),
    });
    return { status: answer.statusCode, location: answer.headers.location, html: answer.body };
  };
  const sessionOf = async ({ id }: MadeSession) => (await app().send('GET', `/v1/checkout-sessions/${id}`)).body;
  /** How many payments the provider has made. */
  const created = () => app().provider.created.size;
  /** The provider's id of the last of them. */
  const last = () => `px_${created()}`;
  const eventsOf = async ({ id }: MadeSession) => {
    const query = 'select type from event where subject = $1 order by seq';
    return (await app().db.ownerPool.query<{ type: string }>(query, [`checkout/${id}`])).rows.map(({ type }) => type);
  };
  return { made, page, press, sessionOf, created, last, eventsOf };
}
