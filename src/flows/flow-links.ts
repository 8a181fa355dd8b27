/** What other flows must know of a flow: which flows it runs, and what it takes from one that runs it. Stored with each revision. */
import type { Field, Schema } from '@kassaflow/plugin-sdk';
import { z } from 'zod';
import { callsOf } from './language/check/check-calls.ts';
import { Diagnostics } from './language/diagnostic.ts';
import { readFlow } from './language/read/read-flow.ts';
import { startForm } from './language/start-form.ts';
import type { FlowSyntax } from './language/syntax.ts';

export interface FlowLinks {
  readonly calls: readonly string[];
  /** `null`: only events and schedules start it. */
  readonly form: Schema | null;
}

const linksSchema = z.object({
  calls: z.array(z.string()),
  form: z
    .object({ type: z.literal('object'), properties: z.record(z.string(), z.custom<Field>()), required: z.array(z.string()) })
    .nullable(),
});

export function linksOf(flow: FlowSyntax): FlowLinks {
  return { calls: callsOf(flow), form: startForm(flow) };
}

/** Links as they were stored; of a revision from before they were, by its text. */
export function readLinks(stored: unknown, source: string | null): FlowLinks | undefined {
  const links = linksSchema.safeParse(stored).data;
  if (links || source === null) return links;
  const flow = readFlow(source, new Diagnostics(source));
  return flow && linksOf(flow);
}
