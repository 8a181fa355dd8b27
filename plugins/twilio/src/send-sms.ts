import { action, failed, ok, smsSend, type Context } from '@kassaflow/plugin-sdk';
import { callTwilio } from './client.ts';
import type { Settings } from './settings.ts';
import { countParts, plain } from './text.ts';

/**
 * How far back a look-up takes an equal text to the same number for the message of this step. Twilio has no idempotency
 * key and no field of ours to search by. A day covers a long outage; the price is that of two equal texts within a day,
 * of which the later one's answer got lost, only one may be sent.
 */
const ADOPT_WITHIN_MS = 86_400_000;
/** More messages to one number in a day, and absence cannot be proved any more. */
const MAX_SEARCHED = 200;
/** More than this costs more than anybody meant. */
const MANY_PARTS = 3;
const MAX_CHARACTERS = 1600;
const TRIAL = 'Sent from your Twilio trial account';

export const twilioSms = action<Settings>()({
  ...smsSend,
  effect: 'lookup',
  sample: { id: 'SM00000000000000000000000000000001', status: 'queued', parts: 1 },
}).does({
  async run(context, input) {
    const body = plain(input.text);
    if (body.length > MAX_CHARACTERS) return failed('input', `The text has more than ${MAX_CHARACTERS} characters.`, { field: 'text' });
    const parts = await countParts(body);
    if (parts > MANY_PARTS) context.log.warn('The text takes many parts', { parts });
    return callTwilio(context, 'write', async (twilio) => {
      const message = await twilio.messages.create({ to: input.to, body, ...senderOf(context) });
      return ok({ id: message.sid, status: message.status, parts }, message.sid);
    });
  },

  lookup: (context, input) =>
    callTwilio(context, 'read', async (twilio) => {
      const body = plain(input.text);
      const since = context.now().getTime() - ADOPT_WITHIN_MS;
      // Not filtered by the day of sending: a message that still waits has none.
      const messages = await twilio.messages.list({ to: input.to, pageSize: 50, limit: MAX_SEARCHED });
      const recent = messages.filter((message) => message.dateCreated.getTime() >= since);
      const found = recent.find((message) => isText(message.body, body) && message.direction.startsWith('outbound'));
      if (found) return ok({ id: found.sid, status: found.status, parts: await countParts(body) }, found.sid);
      if (recent.length >= MAX_SEARCHED) return failed('temporary', 'This number got too many messages to prove that one is missing.');
      return ok(undefined);
    }),
});

/** Tells whether Twilio shows the text that we sent; a trial account puts a sentence of its own before it. */
function isText(shown: string, sent: string): boolean {
  return shown === sent || (shown.startsWith(TRIAL) && shown.endsWith(` - ${sent}`));
}

function senderOf({ settings }: Context<Settings>): {
  from?: string;
  messagingServiceSid?: string;
  validityPeriod: number;
  statusCallback?: string;
} {
  const { from, validitySeconds = 3600, statusCallback } = settings;
  return {
    ...(from.startsWith('MG') ? { messagingServiceSid: from } : { from }),
    validityPeriod: validitySeconds,
    ...(statusCallback === undefined ? {} : { statusCallback }),
  };
}
