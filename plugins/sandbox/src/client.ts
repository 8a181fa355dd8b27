import { failed, ok, unknown, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import { outcomeOfAnswer, outcomeOfBreak } from './outcomes.ts';
import type { Settings } from './settings.ts';

export const HOST = 'sandbox.kassaflow.test';

/** Asks without changing anything, so that no answer means nothing worse than "try again". */
export async function read<T>(context: Context<Settings>, path: string): Promise<Outcome<T>> {
  const outcome = await send<T>(context, 'GET', path);
  return outcome.kind === 'unknown' ? failed('temporary', outcome.message) : outcome;
}

/** Changes something, under the step's idempotency key. */
export function write<T>(context: Context<Settings>, path: string, body: Readonly<Record<string, unknown>>): Promise<Outcome<T>> {
  return send<T>(context, 'POST', path, body);
}

async function send<T>(
  context: Context<Settings>,
  method: 'GET' | 'POST',
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<Outcome<T>> {
  if (context.mode === 'live') return failed('auth', 'The sandbox has no real money. Use it in a test connection.');
  let answer: Response;
  let text: string;
  try {
    answer = await context.fetch(`https://${HOST}${path}`, {
      method,
      signal: context.signal,
      headers: {
        authorization: `Bearer ${context.settings.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': context.idempotencyKey }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    text = await answer.text();
  } catch (error) {
    return outcomeOfBreak(error);
  }
  const value = parse(text);
  if (!answer.ok) return outcomeOfAnswer(answer.status, answer.headers, value);
  // The shapes are this package's own: provider and plugin are built and tested together.
  return value === undefined ? unknown('The sandbox answered with something that is not JSON.') : ok(value as T);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
