/** Flows that run flows: a circle has no end, and the engine refuses more than five inside each other. */
import type { Schema } from '@kassaflow/plugin-sdk';
import { nearest } from '../../../kernel/nearest.ts';
import { Diagnostics } from '../diagnostic.ts';
import { readFlow } from '../read/read-flow.ts';
import { startForm } from '../start-form.ts';
import { allSteps, type FlowSyntax, type StepOf } from '../syntax.ts';
import type { Vocabulary } from '../vocabulary.ts';

/** Flows inside each other; the one that an event starts is not counted. */
export const DEEPEST_RUN = 5;

/** The flows that `flow` runs, for {@link Vocabulary.calls}. */
export function callsOf(flow: FlowSyntax): readonly string[] {
  return [
    ...new Set([...allSteps(flow.steps), ...allSteps(flow.onFailure)].flatMap((step) => (step.verb === 'run' ? [step.flow.text] : []))),
  ];
}

/** The vocabulary with the flows that stand in `sources`: so that circles among files that are checked together are found. */
export function withFlows(vocabulary: Vocabulary, sources: readonly string[]): Vocabulary {
  const flows = sources.flatMap((source) => readFlow(source, new Diagnostics(source)) ?? []);
  const calls = Object.fromEntries(flows.map((flow) => [flow.name.text, callsOf(flow)]));
  return {
    ...vocabulary,
    // Without the published ones, a name that is in no file may still exist.
    ...(vocabulary.flows && { flows: [...new Set([...vocabulary.flows, ...Object.keys(calls)])] }),
    calls: { ...vocabulary.calls, ...calls },
    forms: { ...vocabulary.forms, ...Object.fromEntries(flows.map((flow) => [flow.name.text, startForm(flow)])) },
  };
}

/** In an order in which each can be published: a flow after those that it runs. Circles stay as they are, and are reported. */
export function calledFirst<T extends { readonly source: string }>(texts: readonly T[]): T[] {
  const read = texts.map((text) => ({ text, flow: readFlow(text.source, new Diagnostics(text.source)) }));
  const byName = new Map(read.flatMap((one) => (one.flow ? [[one.flow.name.text, one] as const] : [])));
  const ordered = new Set<(typeof read)[number]>();
  const seen = new Set<(typeof read)[number]>();
  const add = (one: (typeof read)[number]): void => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const name of one.flow ? callsOf(one.flow) : []) {
      const called = byName.get(name);
      if (called) add(called);
    }
    ordered.add(one);
  };
  read.forEach(add);
  return [...ordered].map(({ text }) => text);
}

export function checkCall(
  step: StepOf<'run'>,
  caller: string,
  { flows, calls = {}, forms = {} }: Vocabulary,
  diagnostics: Diagnostics,
): void {
  const name = step.flow.text;
  const circle = name === caller ? [caller] : pathTo(caller, name, calls);
  if (circle) return diagnostics.report('flow.cycle', step.flow.span, { path: [caller, ...circle].join(' → ') });
  const deepest = longestFrom(name, calls, new Set([caller]));
  if (deepest.length > DEEPEST_RUN)
    diagnostics.report('flow.run-depth', step.flow.span, { most: DEEPEST_RUN, path: [caller, ...deepest].join(' → ') });
  if (formOf(forms, name) === null) diagnostics.report('flow.not-callable', step.flow.span, { name });
  if (!flows || flows.includes(name)) return;
  const near = nearest(name, flows);
  diagnostics.report('flow.unknown-flow', step.flow.span, { name }, near === undefined ? undefined : `did you mean ${near}?`);
}

/** What a flow takes, as far as it is known. */
export function formOf(forms: Vocabulary['forms'], name: string): Schema | null | undefined {
  return forms && Object.hasOwn(forms, name) ? forms[name] : undefined;
}

type Calls = Readonly<Record<string, readonly string[]>>;

const of = (calls: Calls, name: string): readonly string[] => (Object.hasOwn(calls, name) ? (calls[name] ?? []) : []);

/** The names from `from` to `goal`, both in it; nothing when there is no way. */
function pathTo(goal: string, from: string, calls: Calls): string[] | undefined {
  const seen = new Set([from]);
  let ways = [[from]];
  while (ways.length > 0) {
    const longer: string[][] = [];
    for (const way of ways)
      for (const next of of(calls, way.at(-1) ?? '')) {
        if (next === goal) return [...way, goal];
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    ways = longer;
  }
  return undefined;
}

/** The longest chain of calls that begins with `name`, no longer than is needed to see that it is too long. */
function longestFrom(name: string, calls: Calls, above: ReadonlySet<string>): string[] {
  if (above.size > DEEPEST_RUN) return [name];
  const around = new Set([...above, name]);
  const inner = of(calls, name)
    .filter((next) => !around.has(next))
    .map((next) => longestFrom(next, calls, around));
  return [name, ...inner.reduce<string[]>((longest, way) => (way.length > longest.length ? way : longest), [])];
}
