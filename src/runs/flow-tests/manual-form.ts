/**
 * What a person fills in, in a test: what the author gives, and something plausible for every other field that must be there.
 *
 * Subjects are given by what matters of them; each becomes one of the simulated domain, and the form carries its id, as the
 * real form does.
 */
import type { SubjectName } from '../../events/catalogue/subjects.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { Data } from './flow-test.ts';
import { modelOf } from './subject-models.ts';
import { isSubject, type SimulatedWorld } from './simulated-world.ts';
import { isRecord } from '../../kernel/record.ts';
import { mergedData } from './typed-value.ts';

const PLAIN: Readonly<Record<string, unknown>> = {
  text: 'text',
  number: 1,
  money: { amount: '10.00', currency: 'EUR' },
  phone: '+31687654321',
  email: 'kim@example.com',
  date: '2026-11-23',
  'yes-no': true,
};

/** The form as it would be sent: subjects by their ids. */
export function filledForm(flow: CompiledFlow, given: Data, world: SimulatedWorld): Data {
  const declared = Object.assign({}, ...flow.triggers.flatMap((trigger) => (trigger.kind === 'manual' ? [trigger.inputs] : []))) as Data; // maps, as compiled
  const form: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(declared)) {
    const { type, optional, default: otherwise, choices } = isRecord(field) ? field : {};
    const own = given[name];
    if (own === undefined && (optional === true || otherwise !== undefined)) continue;
    if (type === 'invoices') form[name] = (Array.isArray(own) ? own : [{}]).map((one) => subjectId('invoice', one, world));
    else if (typeof type === 'string' && isSubject(type)) form[name] = subjectId(type, own ?? {}, world);
    else form[name] = own ?? (type === 'choice' && Array.isArray(choices) ? choices[0] : (PLAIN[String(type)] ?? 'text'));
  }
  return form;
}

/** Puts the subject into the domain. @returns its id */
function subjectId(name: SubjectName, given: unknown, world: SimulatedWorld): string {
  const described = isRecord(given) ? given : {};
  const id = typeof described['id'] === 'string' ? described['id'] : world.newIdOf(name);
  world.put(name, { ...mergedData(modelOf(name), described), id });
  return id;
}
