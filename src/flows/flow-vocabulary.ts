/** The vocabulary of this installation: what the catalogue, the plugins and a tenant's connections offer to flows. */
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { eventSchemas } from '../events/catalogue/catalogue.ts';
import { subjectSchemas } from '../events/catalogue/subjects.ts';
import { ActionDoor } from '../plugin-host/action-call.ts';
import type { Transaction } from '../platform/database/transaction.ts';
import type { JsonSchema } from './language/shape.ts';
import type { ConnectionWord, Vocabulary } from './language/vocabulary.ts';

@Injectable()
export class FlowVocabulary {
  /** Schemas never change while the process lives; their shapes are cached by identity. */
  readonly #events: ReadonlyMap<string, JsonSchema> = new Map([...eventSchemas()].map(([type, schema]) => [type, schema as JsonSchema])); // z.toJSONSchema gives plain JSON Schema
  readonly #subjects: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
    Object.entries(subjectSchemas).map(([name, schema]) => [name, z.toJSONSchema(schema) as JsonSchema]),
  ); // as above

  constructor(private readonly door: ActionDoor) {}

  /** Without a tenant: connections and other flows are not looked at. */
  general(): Vocabulary {
    return { events: this.#events, subjects: this.#subjects, actions: this.door.manifests() };
  }

  /** With the connections of the transaction's tenant. */
  async of(tx: Transaction): Promise<Vocabulary> {
    const connections = await tx.query<ConnectionWord>(
      `select name, plugin, mode from connection where state <> 'disabled' order by name limit 1000`,
    );
    return { ...this.general(), connections };
  }
}
