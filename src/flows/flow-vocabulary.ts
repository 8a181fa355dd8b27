/** The vocabulary of this installation: what the catalogue, the plugins and a tenant's connections offer to flows. */
import { Injectable, Optional } from '@nestjs/common';
import type { Field } from '@kassaflow/plugin-sdk';
import { z } from 'zod';
import { eventSchemas } from '../events/catalogue/catalogue.ts';
import { subjectSchemas } from '../events/catalogue/subjects.ts';
import { ActionDoor } from '../plugin-host/action-call.ts';
import { TriggerDoor, type TriggerManifest } from '../plugin-host/trigger-door.ts';
import type { Transaction } from '../platform/database/transaction.ts';
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

  /** With the connections of the transaction's tenant. */
  async of(tx: Transaction): Promise<Vocabulary> {
    const connections = await tx.query<ConnectionWord>(
      `select name, plugin, mode from connection where state <> 'disabled' order by name limit 1000`,
    );
    return { ...this.general(), connections };
  }
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
