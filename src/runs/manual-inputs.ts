/**
 * What a person fills in to start a flow by hand, held against what the flow's `manual` trigger declares.
 *
 * Subjects (`customer`, `invoices`, …) are given by their ids and become what they are at the moment of the start: a flow
 * reads `inputs.customer.phone`. Everything else stays as given; money in its wire form with all its decimals.
 */
import { z } from 'zod';
import type { FieldProblem, KassaflowError } from '../kernel/errors.ts';
import { uuidOf, type IdPrefix } from '../kernel/ids.ts';
import { toWire } from '../kernel/money.ts';
import type { Teams } from '../platform/auth/scopes.ts';
import { moneySchema } from '../platform/http/money-schema.ts';
import { invalidInput } from '../platform/http/field-problems.ts';
import { subjectSchemas, type SubjectName } from '../events/catalogue/subjects.ts';
import type { SubjectReaders } from '../events/subject-readers.ts';
import type { CompiledFlow } from '../flows/language/compiled-flow.ts';
import { runErrors } from './run.errors.ts';

type Inputs = Readonly<Record<string, unknown>>;
type InputSchema = z.ZodType<unknown>;

/** A field that names one subject, or several. */
interface SubjectField {
  readonly subject: SubjectName;
  readonly many: boolean;
}

const MOST_TEXT = 4_000;
const MOST_SUBJECTS = 100;

const NO_SUCH = 'There is nothing with this id';

const KINDS: Readonly<Record<string, InputSchema>> = {
  text: z.string().max(MOST_TEXT),
  number: z.number(),
  // Another flow may write it as flows do, `12.50 EUR`.
  money: z.preprocess((given) => (typeof given === 'string' ? wireOf(given) : given), moneySchema.transform(toWire)),
  // E.164, as SMS providers want it.
  phone: z.string().regex(/^\+[1-9][0-9]{6,14}$/, 'A phone number is written with its country: +31612345678'),
  email: z.email().max(254),
  date: z.iso.date(),
  'yes-no': z.boolean(),
  customer: wireId('cus'),
  invoice: wireId('inv'),
  invoices: z.array(wireId('inv')).min(1).max(MOST_SUBJECTS),
  payment: wireId('pay'),
  subscription: wireId('sub'),
};

/**
 * A flow may be for the hands of one team: `on: { manual: { who: finance } }`. Without `who` everybody who may start flows can. Another
 * flow that runs it is no hand: who published that flow has decided.
 *
 * @param teams those of who starts it
 * @throws runs.team-required
 */
export function demandTeam({ name, triggers }: CompiledFlow, teams: Teams): void {
  const wanted = triggers.flatMap((trigger) => (trigger.kind === 'manual' ? [trigger.who] : []));
  if (teams === 'every' || wanted.length === 0 || wanted.some((team) => team === undefined || teams.includes(team))) return;
  throw runErrors['team-required']({ flow: name, team: wanted.join(', ') });
}

/**
 * The inputs as the run sees them.
 *
 * @throws runs.not-manual when the flow has no trigger `manual`; runs.input-invalid with a problem for each field that is
 *   missing, unknown, of another kind, or names a subject that does not exist
 */
export async function manualInputs(flow: CompiledFlow, tenantId: string, given: Inputs, readers: SubjectReaders): Promise<Inputs> {
  const triggers = flow.triggers.filter((trigger) => trigger.kind === 'manual');
  if (triggers.length === 0) throw runErrors['not-manual']({ flow: flow.name });
  // Several manual triggers are one form: the checker lets every step see the inputs of all.
  const declared = Object.assign({}, ...triggers.map(({ inputs }) => inputs)) as Inputs; // plain maps, as compiled
  const schema = z.strictObject(Object.fromEntries(Object.entries(declared).map(([name, field]) => [name, schemaOf(field)])));
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalid(invalidInput(parsed.error.issues, given, schema).problems);
  return withSubjects(parsed.data, declared, tenantId, readers);
}

function schemaOf(field: unknown): InputSchema {
  const { type, choices, optional, default: otherwise } = description(field);
  const schema = type === 'choice' && Array.isArray(choices) ? z.enum(choices.map(String)) : (KINDS[String(type)] ?? z.json());
  if (otherwise !== undefined) return schema.default(type === 'money' ? wireOf(otherwise) : otherwise);
  return optional === true ? schema.optional() : schema;
}

async function withSubjects(inputs: Inputs, declared: Inputs, tenantId: string, readers: SubjectReaders): Promise<Inputs> {
  const seen: Record<string, unknown> = { ...inputs };
  const missing: string[] = [];
  for (const [name, field] of Object.entries(declared)) {
    const kind = subjectField(description(field)['type']);
    if (!kind || inputs[name] === undefined) continue;
    const ids = [inputs[name]].flat().map(String);
    const found = await readers.read(kind.subject, tenantId, ids);
    ids.forEach((id, index) => {
      if (!found.has(id)) missing.push(kind.many ? `/${name}/${index}` : `/${name}`);
    });
    seen[name] = kind.many ? ids.map((id) => found.get(id)) : found.get(ids[0] ?? '');
  }
  if (missing.length > 0) throw invalid(missing.map((pointer) => ({ pointer, code: 'id.format', detail: NO_SUCH })));
  return seen;
}

function wireId(prefix: IdPrefix): InputSchema {
  return z.string().refine((id) => isIdOf(prefix, id), { error: NO_SUCH, params: { code: 'id.format' } });
}

function isIdOf(prefix: IdPrefix, id: string): boolean {
  try {
    uuidOf(prefix, id);
    return true;
  } catch {
    return false;
  }
}

function subjectField(type: unknown): SubjectField | undefined {
  if (type === 'invoices') return { subject: 'invoice', many: true };
  return typeof type === 'string' && Object.hasOwn(subjectSchemas, type) ? { subject: type as SubjectName, many: false } : undefined; // one of its keys
}

/** `12.50 EUR`, as it stands in the file. */
function wireOf(text: unknown): unknown {
  const [, amount, currency] = /^(-?[0-9.]{1,24}) ?([A-Z]{3})$/.exec(String(text)) ?? [];
  const parsed = moneySchema.transform(toWire).safeParse({ amount, currency });
  return parsed.success ? parsed.data : text;
}

function description(field: unknown): Inputs {
  return typeof field === 'object' && field !== null ? (field as Inputs) : {}; // read-flow.ts holds every declared input to a map
}

function invalid(problems: readonly FieldProblem[]): KassaflowError {
  const [first] = problems;
  const facts = problems.length === 1 && first ? { input: first.pointer.slice(1), problem: first.detail } : { problems: problems.length };
  return runErrors['input-invalid'](facts).with(problems.map((problem) => ({ ...problem, pointer: `/inputs${problem.pointer}` })));
}
