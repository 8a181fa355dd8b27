/** How the run of a test begins: by an event that the flow's triggers take, or by a form that a person filled in. */
import { isKassaflowError } from '../../kernel/errors.ts';
import type { SubjectReaders } from '../../events/subject-readers.ts';
import { admit, TriggerIndex } from '../../flows/trigger-index.ts';
import type { CompiledFlow, Scope } from '../../flows/language/compiled-flow.ts';
import { manualInputs } from '../manual-inputs.ts';
import type { RunFacts, RunReason } from '../run.ts';
import { SubjectBatch } from '../subject-batch.ts';
import type { Given } from './flow-test.ts';
import { filledForm } from './manual-form.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** The facts of a run that begins, or why none does. */
export type Start = { readonly kind: 'begins'; readonly facts: RunFacts } | { readonly kind: 'not-started'; readonly reason: RunReason };

/** Ids that every test has: what a run shows of them is the same each time. */
export const RUN = '00000000-0000-7000-8000-000000000001';
const TENANT = '00000000-0000-7000-8000-000000000002';
const FLOW = '00000000-0000-7000-8000-000000000003';
const EVENT = '00000000-0000-7000-8000-000000000004';
const FACTS: RunFacts = { id: RUN, tenantId: TENANT, flowId: FLOW, revision: 1 };

/** Puts what is given into the domain, and asks the flow as the engine does. */
export async function startOf(flow: CompiledFlow, given: Given, world: SimulatedWorld, readers: SubjectReaders): Promise<Start> {
  try {
    return given.kind === 'manual' ? await byHand(flow, given, world, readers) : await byEvent(flow, given, world, readers);
  } catch (error) {
    if (!isKassaflowError(error)) throw error;
    return { kind: 'not-started', reason: { message: error.message, code: error.code } };
  }
}

async function byHand(
  flow: CompiledFlow,
  { inputs }: Extract<Given, { kind: 'manual' }>,
  world: SimulatedWorld,
  readers: SubjectReaders,
): Promise<Start> {
  const form = filledForm(flow, inputs, world);
  return { kind: 'begins', facts: { ...FACTS, inputs: await manualInputs(flow, TENANT, form, readers) } };
}

/** With the flow's `where`, `when` and `one-per`. */
async function byEvent(
  flow: CompiledFlow,
  { type, data, at }: Extract<Given, { kind: 'event' }>,
  world: SimulatedWorld,
  readers: SubjectReaders,
): Promise<Start> {
  world.learn(data);
  const index = new TriggerIndex();
  index.put({ flowId: FLOW, tenantId: TENANT, revision: 1, flow });
  const [match] = index.match({ tenantId: TENANT, type, data });
  if (!match) return { kind: 'not-started', reason: { message: `The flow does not start by this ${type}.` } };
  const facts: RunFacts = { ...FACTS, event: { id: EVENT, type, occurredAt: at, data } };
  const subjects = await new SubjectBatch(readers).read(facts, [...match.needs]);
  const scope: Scope = { event: data, vars: flow.vars, now: at.toISOString(), ...subjects };
  const admission = admit(match, scope);
  if (!admission.starts) return { kind: 'not-started', reason: { message: 'The condition of its trigger is false.' } };
  return { kind: 'begins', facts: admission.onePer === undefined ? facts : { ...facts, onePer: admission.onePer } };
}
