/**
 * What changed between two revisions of a flow, in words. Looks at what the texts mean: comments, quotes, indentation and the order of
 * keys make no difference.
 */
import type { FlowSyntax, StopOnSyntax, TestSyntax } from '../syntax.ts';
import { differences } from './differences.ts';
import { diffSteps } from './diff-steps.ts';
import { entryParts, properties, retryParts, texts, triggerProperties, valueParts, type Properties } from './properties.ts';
import { stepNodes } from './step-tree.ts';

/** @returns a line per change, empty when the flows do the same; those of the head first, then steps, then tests */
export function diffFlows(before: FlowSyntax, after: FlowSyntax): readonly string[] {
  return [
    ...differences(headOf(before), headOf(after)),
    ...diffParts('trigger', before.triggers.map(triggerProperties), after.triggers.map(triggerProperties)),
    ...diffParts('stop-on', before.stopOn.map(stopProperties), after.stopOn.map(stopProperties)),
    ...diffSteps(stepNodes(before), stepNodes(after)),
    ...diffTests(before.tests, after.tests),
  ];
}

function headOf(flow: FlowSyntax): Properties {
  const { name, title, about, owner, timezone, when, unless, onePer, ifRunning, timeout } = flow;
  return properties([
    ...texts({ flow: name, title, about, owner }),
    ...entryParts('label', flow.labels),
    ['enabled', String(flow.enabled)],
    ...texts({ timezone, when, unless, 'one-per': onePer, 'if-running': ifRunning, timeout }),
    ...retryParts(flow.retry),
    ...entryParts('variable', flow.vars),
  ]);
}

function stopProperties({ event, same, where }: StopOnSyntax): Properties {
  return properties(texts({ event, same, where }));
}

/** Triggers have no names: one for the same event or of the same kind is taken for the same one. */
function diffParts(what: string, before: readonly Properties[], after: readonly Properties[]): string[] {
  const free = [...before];
  const take = (fits: (was: Properties) => boolean): Properties | undefined => {
    const index = free.findIndex(fits);
    return index < 0 ? undefined : free.splice(index, 1)[0];
  };
  const whole = after.map((now) => ({ now, was: take((was) => words(was) === words(now)) }));
  const lines = whole.flatMap(({ now, was }) => {
    if (was) return [];
    const near = take((other) => firstWord(other) === firstWord(now)) ?? take((other) => firstName(other) === firstName(now));
    return near ? differences(near, now).map((change) => `${what} ${firstWord(near)}: ${change}`) : [`${what} added: ${words(now)}`];
  });
  return [...free.map((was) => `${what} removed: ${words(was)}`), ...lines];
}

const words = (part: Properties): string => [...part].map(([name, text], index) => (index === 0 ? text : `${name} ${text}`)).join(', ');
const firstWord = (part: Properties): string => part.values().next().value ?? '';
const firstName = (part: Properties): string => part.keys().next().value ?? '';

function diffTests(before: readonly TestSyntax[], after: readonly TestSyntax[]): string[] {
  const earlier = new Map(before.map((test) => [test.name.text, test]));
  const later = new Set(after.map((test) => test.name.text));
  return [
    ...before.filter((test) => !later.has(test.name.text)).map((test) => `test removed: ${test.name.text}`),
    ...after.flatMap((test) => {
      const was = earlier.get(test.name.text);
      if (!was) return [`test added: ${test.name.text}`];
      return differences(testProperties(was), testProperties(test)).map((change) => `test ${test.name.text}: ${change}`);
    }),
  ];
}

function testProperties({ given, mocks, then, expect }: TestSyntax): Properties {
  return properties([
    ...valueParts('given', given),
    ...valueParts('mocks', mocks),
    ...valueParts('then', then),
    ...valueParts('expect', expect),
  ]);
}
