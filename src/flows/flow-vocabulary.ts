/** The vocabulary of this installation: what the catalogue, the plugins and a tenant's connections offer to flows. */
import { Injectable, Optional } from '@nestjs/common';
import type { Field } from '@kassaflow/plugin-sdk';
import { z } from 'zod';
import { eventSchemas } from '../events/catalogue/catalogue.ts';
import { subjectSchemas } from '../events/catalogue/subjects.ts';
import { ActionDoor } from '../plugin-host/action-call.ts';
import { TriggerDoor, type TriggerManifest } from '../plugin-host/trigger-door.ts';
import type { Transaction } from '../platform/database/transaction.ts';
import { readLinks } from './flow-links.ts';
import type { JsonSchema } from './language/shape.ts';
import type { ConnectionWord, TriggerWord, Vocabulary } from './language/vocabulary.ts';

@Injectable()
export class FlowVocabulary {
  /** Schemas never change while the process lives; their shapes are cached by identity. */
  readonly #events: ReadonlyMap<string, JsonSchema> = new Map([...eventSchemas()].map(([type, schema]) => [type, schema as JsonSchema])); // z.toJSONSchema gives plain JSON Schema
  readonly #subjects: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
    Object.entries(subjectSchemas).map(([name, schema]) => [name, z.toJSONSchema(schema) as JsonSchema]),
  ); // as above

  constructor(
    private readonly door: ActionDoor,
    @Optional() private readonly triggers?: TriggerDoor,
  ) {}

  /** Without a tenant: connections and other flows are not looked at. */
  general(): Vocabulary {
    return {
      events: this.#events,
      subjects: this.#subjects,
      actions: this.door.manifests(),
      triggers: this.triggers?.manifests().map(triggerWord) ?? [],
    };
  }

  /** With the connections and the flows of the transaction's tenant. */
  async of(tx: Transaction): Promise<Vocabulary> {
    return { ...(await this.#withConnections(tx)), ...(await flowWords(tx)) };
  }

  /** What is needed to check `source`: the other flows only when it runs one, so that the thousandth flow is published as fast as the first. */
  async ofText(tx: Transaction, source: string): Promise<Vocabulary> {
    return /\brun["']?[ \t]*:/.test(source) ? this.of(tx) : this.#withConnections(tx);
  }

  async #withConnections(tx: Transaction): Promise<Vocabulary> {
    const connections = await tx.query<ConnectionWord>(
      `select name, plugin, mode from connection where state not in ('disabled', 'removed') order by name limit 1000`,
    );
    return { ...this.general(), connections };
  }
}

/** Flows of a tenant that are looked at; where there are more, a name that is not among them may exist. */
const MOST_FLOWS = 10_000;

async function flowWords(tx: Transaction): Promise<Pick<Vocabulary, 'flows' | 'calls' | 'forms'>> {
  const rows = await tx.query<{ name: string; links: unknown; source: string | null }>(
    `select f.name, r.routes->'links' as links, case when r.routes->'links' is null then r.source end as source
     from flow f join flow_revision r on r.flow_id = f.id and r.revision = f.revision order by f.name limit $1`,
    [MOST_FLOWS + 1],
  );
  const known = rows.flatMap(({ name, links, source }) => {
    const read = readLinks(links, source);
    return read ? [{ name, ...read }] : [];
  });
  return {
    ...(rows.length <= MOST_FLOWS && { flows: rows.map(({ name }) => name) }),
    calls: Object.fromEntries(known.filter(({ calls }) => calls.length > 0).map(({ name, calls }) => [name, calls])),
    forms: Object.fromEntries(known.map(({ name, form }) => [name, form])),
  };
}

/** How often a provider is asked is the host's business, so every trigger that polls takes it beside its own input. */
const EVERY: Field = { type: 'string', title: 'How often', description: '30s, 5min, 1h', pattern: '^[1-9][0-9]* ?(s|sec|min|h|hours?)$' };

const words = new WeakMap<TriggerManifest, TriggerWord>();

/** The same object for the same manifest: shapes are cached by identity. */
function triggerWord(manifest: TriggerManifest): TriggerWord {
  let word = words.get(manifest);
  if (!word) {
    const { name, title, plugin, output, mode } = manifest;
    const input = mode === 'poll' ? { ...manifest.input, properties: { ...manifest.input.properties, every: EVERY } } : manifest.input;
    word = { name, title, plugin, input, output };
    words.set(manifest, word);
  }
  return word;
}
