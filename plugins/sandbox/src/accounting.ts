import { failed, ok, type Accounting, type Context, type Outcome, type Posted } from '@kassaflow/plugin-sdk';
import { read, write } from './client.ts';
import type { Settings } from './settings.ts';

interface Entry {
  readonly id: string;
  readonly number: string;
  readonly reference: string;
}

export const accounting: Accounting<Settings> = {
  async post(context, { reference, journal, date, description, lines }) {
    return posted(
      context,
      reference,
      await write<Entry>(context, '/v1/entries', {
        reference,
        journal: journal || 'general',
        date,
        description: description || reference,
        lines,
      }),
    );
  },

  async find(context, { reference }) {
    const list = await read<{ readonly data: readonly Entry[] }>(context, `/v1/entries?reference=${encodeURIComponent(reference)}`);
    if (list.kind !== 'ok') return list;
    const entry = list.value.data[0];
    return entry ? ok(show(entry), entry.id) : ok(undefined);
  },

  async reverse(context, { entry, reference, date, reason }) {
    return posted(
      context,
      reference,
      await write<Entry>(context, `/v1/entries/${encodeURIComponent(entry)}/reverse`, { reference, date, reason: reason || reference }),
    );
  },
};

/** A reference that is taken means that an attempt under another key got through: the entry that is there is the answer. */
async function posted(context: Context<Settings>, reference: string, outcome: Outcome<Entry>): Promise<Outcome<Posted>> {
  if (outcome.kind === 'ok') return ok(show(outcome.value), outcome.value.id);
  if (outcome.kind !== 'failed' || outcome.code !== 'reference_taken') return outcome;
  const found = await accounting.find(context, { reference });
  if (found.kind !== 'ok') return found;
  return found.value
    ? ok(found.value, found.value.entry)
    : failed('temporary', 'The sandbox says that the entry exists, and does not find it.');
}

function show({ id, number }: Entry): Posted {
  return { entry: id, number };
}
