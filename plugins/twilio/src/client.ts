import type { Context, Outcome } from '@kassaflow/plugin-sdk';
import type twilio from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient.js';
import { outcomeOf } from './outcomes.ts';
import type { Settings } from './settings.ts';

export const HOST = 'api.twilio.com';

/** The library costs 1.2 s and 35 MB to load, so it is loaded by the first call and kept. */
let library: Promise<typeof twilio> | undefined;

function twilioLibrary(): Promise<typeof twilio> {
  library ??= import('twilio').then((module) => module.default);
  return library;
}

/** What a call does to the world: after a `read` that broke, nothing can have happened. */
export type Manner = 'read' | 'write';

/** Runs `work` against Twilio and turns whatever it throws into an outcome. */
export async function callTwilio<T>(
  context: Context<Settings>,
  manner: Manner,
  work: (client: twilio.Twilio) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const { Twilio: Client } = await twilioLibrary();
  const { accountSid, authToken } = context.settings;
  // The library's type is a class around axios; all that it calls is `request`.
  const httpClient = { request: (options: RequestClient.RequestOptions) => request(context, options) } as unknown as RequestClient;
  try {
    return await work(new Client(accountSid, authToken, { httpClient, autoRetry: false }));
  } catch (error) {
    return outcomeOf(error, manner);
  }
}

/** Sends what the library wants to send through the host's gateway. */
async function request(
  context: Context<Settings>,
  options: RequestClient.RequestOptions,
): Promise<{ statusCode: number; headers: Record<string, string>; body: string }> {
  const url = new URL(options.uri);
  for (const [name, value] of Object.entries(options.params ?? {})) url.searchParams.set(name, String(value));
  const { data } = options;
  const answer = await context.fetch(url.href, {
    method: options.method,
    signal: context.signal,
    headers: {
      authorization: `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`,
      accept: 'application/json',
    },
    ...(data === undefined ? {} : { body: new URLSearchParams(data as Record<string, string>) }),
  });
  return { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
}
