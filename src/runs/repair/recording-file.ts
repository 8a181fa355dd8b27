/**
 * A recorded run as a file: everything that a replay needs, so that it can be looked into elsewhere and kept as a test of later
 * versions (test/journals). JSON; the format is named in it.
 */
import { z } from 'zod';
import { eventSchemas } from '../../events/catalogue/catalogue.ts';
import { subjectSchemas } from '../../events/catalogue/subjects.ts';
import { compileSource } from '../../flows/language/compile.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { JsonSchema } from '../../flows/language/shape.ts';
import type { JournalEntry } from '../journal-entry.ts';
import type { RunFacts } from '../run.ts';
import { repairErrors } from './repair-errors.ts';
import type { Recording } from './replay.ts';
import type { RecordedAction } from './silent-door.ts';

/** A recording with the text of the revision on which the run was recorded. */
export interface SourcedRecording extends Recording {
  readonly flow: string;
  readonly source: string;
}

/** What the file holds. */
export interface RecordingFile {
  readonly format: typeof FORMAT;
  readonly masked?: true;
  readonly flow: string;
  readonly publicUrl: string;
  readonly facts: unknown;
  readonly source: string;
  readonly actions: readonly RecordedAction[];
  readonly entries: readonly JournalEntry[];
}

const FORMAT = 'kassaflow-recording/1';

export function recordingFile({ flow, publicUrl, facts, source, actions, entries }: SourcedRecording): RecordingFile {
  return { format: FORMAT, flow, publicUrl, facts, source, actions, entries };
}

const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const record = z.record(z.string(), z.unknown());
const fileSchema = z.object({
  format: z.literal(FORMAT),
  masked: z.literal(true).optional(),
  flow: z.string(),
  publicUrl: z.string(),
  facts: z.looseObject({
    id: uuid,
    tenantId: uuid,
    flowId: uuid,
    revision: z.int(),
    event: z.object({ id: uuid, type: z.string(), occurredAt: z.coerce.date(), data: record }).optional(),
  }),
  source: z.string(),
  actions: z.array(z.looseObject({ name: z.string(), plugin: z.string(), effect: z.enum(['read', 'keyed', 'lookup', 'once']) })),
  entries: z.array(z.looseObject({ kind: z.string() })),
});

/** Reads a file's JSON. @throws repair.no-recording, repair.masked-recording */
export function readRecording(json: unknown): SourcedRecording {
  const read = fileSchema.safeParse(json);
  if (!read.success) throw repairErrors['no-recording']({ at: read.error.issues[0]?.path.map(String).join('.') });
  if (read.data.masked) throw repairErrors['masked-recording']();
  const { flow, publicUrl, facts, source, actions, entries } = read.data;
  return {
    flow,
    publicUrl,
    source,
    // The shapes of facts, actions and entries are those that this program wrote; a difference inside them is what a replay finds.
    facts: facts as unknown as RunFacts,
    actions: actions as unknown as readonly RecordedAction[],
    entries: entries as unknown as readonly JournalEntry[],
  };
}

/** The flow of a recording, read with the actions as they were and the events of this version. @throws flow.unreadable */
export function recordedFlow({ source, actions }: SourcedRecording): CompiledFlow {
  const events = new Map([...eventSchemas()].map(([type, schema]) => [type, schema as JsonSchema])); // z.toJSONSchema gives plain JSON Schema
  const subjects = Object.fromEntries(Object.entries(subjectSchemas).map(([name, schema]) => [name, z.toJSONSchema(schema) as JsonSchema]));
  return compileSource(source, { events, subjects, actions });
}

/** The same run without anything that may say who somebody is. It shows what happened; it cannot be replayed. */
export function masked(file: RecordingFile): RecordingFile {
  const { event, inputs } = file.facts as RunFacts; // as this program made it
  return {
    ...file,
    masked: true,
    facts: {
      ...(file.facts as RunFacts),
      ...(event && { event: { ...event, data: mask(event.data) } }),
      ...(inputs && { inputs: mask(inputs) }),
      onePer: undefined,
    },
    entries: file.entries.map((entry) => mask(entry) as JournalEntry),
  };
}

/** Fields whose texts are words of the program or the flow. */
const OPEN_FIELDS = new Set([
  'kind',
  'step',
  'action',
  'connection',
  'plugin',
  'status',
  'outcome',
  'state',
  'type',
  'currency',
  'amount',
  'code',
  'why',
  'decision',
  'event',
  'run',
  'flow',
  'choice',
  'failed',
  'events',
]);
const OPEN_TEXT = /^(?:[a-z]{3}_[0-9a-z]{26}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z)?$/;

function mask(value: unknown, field = ''): unknown {
  if (typeof value === 'string') return OPEN_FIELDS.has(field) || OPEN_TEXT.test(value) ? value : '‹masked›';
  if (Array.isArray(value)) return value.map((item) => mask(item, field));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mask(inner, name)]));
}
