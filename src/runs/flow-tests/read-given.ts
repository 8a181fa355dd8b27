/** What a test is given: the event, the moment of a schedule, or what a person filled in. */
import { FIRED, routesOf, SCHEDULED } from '../../flows/flow-routes.ts';
import { nextSlot } from '../../flows/schedule-slots.ts';
import type { CompiledTrigger } from '../../flows/language/compiled-flow.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import { guessed, type YamlMap, type YamlNode } from '../../flows/language/yaml/node.ts';
import type { Data, Given } from './flow-test.ts';
import { MOMENT_HELP, parseMoment, usualStart } from './moments.ts';
import { payloadProblem, payloadShape, subjectShape } from './payloads.ts';
import { itemsOf, keysOf, listed, textOf, unknownKey, type TestProblems } from './read-fields.ts';
import { sampleHelp, sampleOf } from './samples/samples.ts';
import type { TestedFlow } from './tested-flow.ts';
import { isRecord } from '../../kernel/record.ts';
import { mergedData, valueByShape } from './typed-value.ts';

type Trigger<K extends CompiledTrigger['kind']> = Extract<CompiledTrigger, { kind: K }>;

export function readGiven(map: YamlMap, tested: TestedFlow, problems: TestProblems): Given | undefined {
  const field = keysOf(map, 'given', ['event', 'schedule', 'manual', 'sample', 'data', 'at'], problems);
  const at = readAt(field('at'), tested, problems);
  const [event, schedule, manual] = [field('event'), field('schedule'), field('manual')];
  if (event) return eventGiven(event, field, at, tested, problems);
  if (schedule) return scheduleGiven(schedule, at, tested, problems);
  if (manual) return manualGiven(manual, at, tested, problems);
  return problems.report(
    map.span,
    'A test is given an event, a schedule or what a person filled in.',
    'write  given: { event: payment.completed }',
  );
}

/** The payload of an event of a test: the sample under what the author wrote. */
export function readPayload(
  type: string,
  sample: YamlNode | undefined,
  data: YamlNode | undefined,
  { vocabulary }: TestedFlow,
  problems: TestProblems,
): { readonly sample: Data | undefined; readonly data: Data } | undefined {
  const name = textOf(sample, 'sample', problems);
  const found = name === undefined ? undefined : sampleOf(type, name);
  if (sample && name !== undefined && !found)
    return problems.report(sample.span, `There is no sample "${name}" of ${type}.`, sampleHelp(type, name));
  const own = data && valueByShape(data, payloadShape(type, vocabulary));
  if (data && !isRecord(own))
    return problems.report(data.span, 'data has the fields of the event.', 'write for example  data: { customer: { phone: "" } }');
  return { sample: found, data: isRecord(own) ? own : {} };
}

function eventGiven(
  node: YamlNode,
  field: (key: string) => YamlNode | undefined,
  at: Date | undefined,
  tested: TestedFlow,
  problems: TestProblems,
): Given | undefined {
  const type = textOf(node, 'event', problems);
  if (type === undefined) return undefined;
  const fired = firedBy(tested);
  const types = [...triggersOf(tested, 'event').map(({ event }) => event), ...(fired ? [FIRED] : [])];
  if (!types.includes(type))
    return problems.report(node.span, `${tested.flow.name} does not start by ${type}.`, `it starts by ${listed(types)}`);
  const read = readPayload(type, field('sample'), field('data'), tested, problems);
  if (!read) return undefined;
  const usual = type === FIRED && fired ? { ...sampleOf(type), ...fired } : sampleOf(type);
  const payload = mergedData(read.sample ?? usual ?? {}, read.data);
  const problem = payloadProblem(type, payload);
  if (problem !== undefined)
    return problems.report((field('data') ?? node).span, `This is no ${type}: ${problem}.`, 'docs/events.md shows what the event carries');
  return { kind: 'event', type, data: payload, at: at ?? usualStart(tested.flow.timeZone) };
}

/** What an event of the flow's plugin trigger says of itself: `given: { event: trigger.fired, data: { item: … } }`. */
function firedBy({ flow }: TestedFlow): Data | undefined {
  const [route] = routesOf(flow).triggers;
  const { trigger } = sampleOf(FIRED) ?? {};
  return route && isRecord(trigger) ? { trigger: { ...trigger, name: route.trigger, source: route.source }, item: {} } : undefined;
}

/** `schedule: true` is the first slot after the usual start; a text is the moment. */
function scheduleGiven(node: YamlNode, at: Date | undefined, tested: TestedFlow, problems: TestProblems): Given | undefined {
  const [trigger] = triggersOf(tested, 'schedule');
  if (!trigger) return problems.report(node.span, `${tested.flow.name} does not start by a schedule.`, 'give it the event that starts it');
  const { cron, timeZone } = trigger;
  const start = at ?? usualStart(timeZone);
  const slot = isTrue(node) ? nextSlot({ cron, timeZone }, start) : momentOf(node, timeZone)?.(start);
  if (!slot) return problems.report(node.span, 'schedule is true or a moment.', 'write for example  schedule: 2026-03-29 02:30');
  const schedule = { flow: tested.flow.name, cron, timeZone, slot: slot.toISOString(), missed: 0 };
  return { kind: 'event', type: SCHEDULED, data: { schedule }, at: slot };
}

function isTrue(node: YamlNode): boolean {
  return node.kind === 'scalar' && (node.text === 'true' || node.text === '');
}

function momentOf(node: YamlNode, timeZone: string): ((before: Date) => Date) | undefined {
  return node.kind === 'scalar' ? parseMoment(node.text, timeZone) : undefined;
}

function manualGiven(node: YamlNode, at: Date | undefined, tested: TestedFlow, problems: TestProblems): Given | undefined {
  const triggers = triggersOf(tested, 'manual');
  if (triggers.length === 0)
    return problems.report(node.span, `${tested.flow.name} is not started by hand.`, 'give it the event that starts it');
  const declared = Object.assign({}, ...triggers.map(({ inputs }) => inputs)) as Data; // maps, as compiled
  const usual = { kind: 'manual', at: at ?? usualStart(tested.flow.timeZone) } as const;
  if (node.kind !== 'map') return { ...usual, inputs: {} };
  const inputs: Record<string, unknown> = {};
  for (const { key, keySpan, value } of node.entries) {
    const field = declared[key];
    if (field === undefined) unknownKey('The form', key, keySpan, Object.keys(declared), problems);
    else inputs[key] = inputValue(value, isRecord(field) ? String(field['type']) : '', tested.vocabulary);
  }
  return { ...usual, inputs };
}

/** Subjects are given by what matters of them (`{ number: 2026-7 }`), everything else as people fill it in. */
function inputValue(node: YamlNode, type: string, vocabulary: Vocabulary): unknown {
  if (type === 'invoices') return itemsOf(node).map((item) => inputValue(item, 'invoice', vocabulary));
  if (type === 'number' || type === 'yes-no') return guessed(node);
  return valueByShape(node, subjectShape(type, vocabulary) ?? { kind: type === 'money' ? 'money' : 'string' });
}

function triggersOf<K extends CompiledTrigger['kind']>({ flow }: TestedFlow, kind: K): Trigger<K>[] {
  return flow.triggers.filter((trigger): trigger is Trigger<K> => trigger.kind === kind);
}

function readAt(node: YamlNode | undefined, { flow }: TestedFlow, problems: TestProblems): Date | undefined {
  const text = textOf(node, 'at', problems);
  if (!node || text === undefined) return undefined;
  const moment = parseMoment(text, flow.timeZone);
  return moment ? moment(usualStart(flow.timeZone)) : problems.report(node.span, `"${text}" is not a moment.`, MOMENT_HELP);
}
