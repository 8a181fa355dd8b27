import { failed, ok, type Context, type MandateFacts, type Mandates, type Outcome } from '@kassaflow/plugin-sdk';
import { read, write } from './client.ts';
import { mandateFacts, type SandboxMandate } from './facts.ts';
import type { Settings } from './settings.ts';
import { descriptionOf } from './text.ts';

/** Permissions to charge again, given on a page of the sandbox, or left behind by a payment with `save`. */
export const mandates: Mandates<Settings> = {
  async create(context, { reference, kind, description, returnUrl, webhookUrl, customer }) {
    if (kind === 'account') return failed('input', 'The sandbox has mandates for cards, direct debits and agreements.', { field: 'kind' });
    const made = await write<SandboxMandate>(context, '/v1/mandates', {
      reference,
      kind,
      customer: customer.providerId ?? customer.reference,
      description: descriptionOf(description, reference),
      return_url: returnUrl,
      webhook: { url: webhookUrl, secrets: context.settings.webhookSecrets },
    });
    if (made.kind !== 'ok') return made;
    // A repeated answer may be as old as the first one.
    const facts = context.attempt === 1 ? ok(mandateFacts(made.value)) : await fetchMandate(context, made.value.id);
    if (facts.kind !== 'ok') return facts;
    const isOpen = facts.value.state === 'pending';
    return ok({ facts: facts.value, next: isOpen ? { kind: 'redirect', url: made.value.approve_url } : { kind: 'none' } }, made.value.id);
  },

  fetch: (context, { providerId }) => fetchMandate(context, providerId),

  async revoke(context, { providerId }) {
    return factsOf(await write<SandboxMandate>(context, `/v1/mandates/${encodeURIComponent(providerId)}/revoke`, {}));
  },
};

async function fetchMandate(context: Context<Settings>, id: string): Promise<Outcome<MandateFacts>> {
  return factsOf(await read<SandboxMandate>(context, `/v1/mandates/${encodeURIComponent(id)}`));
}

function factsOf(outcome: Outcome<SandboxMandate>): Outcome<MandateFacts> {
  return outcome.kind === 'ok' ? ok(mandateFacts(outcome.value), outcome.value.id) : outcome;
}
