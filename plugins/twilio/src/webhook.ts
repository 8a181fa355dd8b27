import type { ProviderSignal, RawWebhook, Verdict, Webhook } from '@kassaflow/plugin-sdk';
import type { Settings } from './settings.ts';

type Signatures = typeof import('twilio/lib/webhooks/webhooks.js');

/** Only the part of the library that checks signatures: the rest would cost a second at the first callback. */
let signatures: Promise<Signatures> | undefined;

function signatureLibrary(): Promise<Signatures> {
  // A CommonJS module: its exports are the default export.
  signatures ??= import('twilio/lib/webhooks/webhooks.js').then((module) =>
    'default' in module ? (module.default as Signatures) : module,
  );
  return signatures;
}

/**
 * `X-Twilio-Signature`: base64 HMAC-SHA1 over the address that Twilio called, followed by every form parameter, sorted.
 * There is no timestamp, so a delivery never gets too old; its event id makes a replay harmless.
 */
export const webhook: Webhook<Settings> = {
  async verify({ settings }, delivery): Promise<Verdict> {
    const header = delivery.headers['x-twilio-signature'];
    if (header === undefined) return { ok: false, reason: 'signature-missing' };
    if (typeof header !== 'string' || !/^[A-Za-z0-9+/]{27}=$/.test(header)) return { ok: false, reason: 'signature-format' };
    const library = await signatureLibrary();
    const tokens = [settings.authToken, settings.secondaryAuthToken].filter((token) => token !== undefined);
    if (tokens.some((token) => isSigned(library, token, header, delivery.url, delivery.body)))
      return { ok: true, eventId: eventIdOf(delivery) };

    const plainUrl = delivery.url.replace(/^https:/, 'http:');
    const behindProxy = tokens.some((token) => isSigned(library, token, header, plainUrl, delivery.body));
    return {
      ok: false,
      reason: 'signature-mismatch',
      ...(behindProxy ? { hint: `Twilio called ${plainUrl}; give it the https address.` } : {}),
    };
  },

  translate(_context, delivery): readonly ProviderSignal[] {
    const form = formOf(delivery.body);
    const sid = form.get('MessageSid') ?? form.get('SmsSid');
    const status = form.get('MessageStatus') ?? form.get('SmsStatus');
    return sid && status ? [{ kind: 'message', type: status, providerId: sid }] : [];
  },
};

function isSigned(library: Signatures, token: string, header: string, url: string, body: Uint8Array): boolean {
  // With the body's hash in the address the parameters are not signed; the library compares the hash.
  if (new URL(url).searchParams.has('bodySHA256'))
    return library.validateRequestWithBody(token, header, url, Buffer.from(body).toString('utf8'));
  return library.validateRequest(token, header, url, parametersOf(body));
}

/** A repeated parameter becomes a list, which is how Twilio signs it. */
function parametersOf(body: Uint8Array): Record<string, string | string[]> {
  const form = formOf(body);
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => [name, form.getAll(name).length > 1 ? form.getAll(name) : (form.get(name) ?? '')]),
  );
}

/** A message has one event for each of its states; a callback that is repeated has the same id. */
function eventIdOf({ body }: RawWebhook): string {
  const form = formOf(body);
  return [
    form.get('MessageSid') ?? form.get('SmsSid') ?? 'no-message',
    form.get('MessageStatus') ?? form.get('SmsStatus') ?? 'received',
  ].join(':');
}

function formOf(body: Uint8Array): URLSearchParams {
  return new URLSearchParams(Buffer.from(body).toString('utf8'));
}
