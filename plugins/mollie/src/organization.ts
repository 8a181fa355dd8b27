import { createHash } from 'node:crypto';
import { failed, ok, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { HOST, missingToken, modeMismatch, type Manner } from './client.ts';
import { doubt, outcomeOfRefusal } from './outcomes.ts';
import type { Settings } from './settings.ts';

export interface OrganizationRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below `/v2`, with the query. */
  readonly path: string;
  readonly body?: object;
}

/**
 * One request with the organisation's token, for what the library has no methods for: webhooks and events. The token is for both modes,
 * so every request says which one is meant.
 */
export async function askOrganization(
  context: Context<Settings>,
  manner: Manner,
  { method, path, body }: OrganizationRequest,
): Promise<Outcome<unknown>> {
  const refused = modeMismatch(context) ?? missingToken(context, 'organization');
  if (refused) return refused;
  const testmode = context.mode === 'test';
  const text = JSON.stringify({ ...body, ...(testmode ? { testmode } : {}) });
  const url = new URL(`https://${HOST}/v2${path}`);
  if (method === 'GET' && testmode) url.searchParams.set('testmode', 'true');
  try {
    const response = await context.fetch(url.href, {
      method,
      headers: {
        authorization: `Bearer ${context.settings.organizationToken ?? ''}`,
        accept: 'application/hal+json',
        ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
        ...(method === 'GET' || context.idempotencyKey === ''
          ? {}
          : { 'idempotency-key': keyOf(context.idempotencyKey, method, path, text) }),
      },
      ...(method === 'GET' ? {} : { body: text }),
      signal: context.signal,
    });
    return await outcomeOfResponse(response, manner);
  } catch (error) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
    if (code === 'EGRESS_REFUSED') return failed('permanent', 'The host does not let this plugin reach Mollie.', { code });
    return doubt(manner, 'The connection to Mollie broke before it answered.');
  }
}

/** One call of ours may make several requests; Mollie refuses one key for two of them. */
function keyOf(key: string, ...request: readonly string[]): string {
  return `${key}:${createHash('sha256').update(request.join('\n')).digest('hex').slice(0, 16)}`;
}

async function outcomeOfResponse(response: Response, manner: Manner): Promise<Outcome<unknown>> {
  const { status } = response;
  const text = await response.text();
  if (status >= 500) return doubt(manner, `Mollie answered ${status}.`);
  const body = parsed(text);
  if (status < 300) return body === undefined && text !== '' ? doubt(manner, 'Mollie’s answer could not be read.') : ok(body);
  const { title = 'Refused', detail = `HTTP ${status}`, field } = (body ?? {}) as { title?: string; detail?: string; field?: string };
  const refusal = { status, title, detail, ...(field === undefined ? {} : { field }) };
  return outcomeOfRefusal(refusal, manner, 'organization', response.headers.get('retry-after') ?? undefined);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
