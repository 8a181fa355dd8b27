/** What is written at one place of a flow, as names with texts: two places are the same when these are. Form and comments are not in it. */
import type { RetrySyntax, StepSyntax, Text, TriggerSyntax } from '../syntax.ts';
import { isEmpty, type YamlEntry, type YamlNode } from '../yaml/node.ts';

/** `retry times` → `5`. In the order of the format, so that changes read in it. */
export type Properties = ReadonlyMap<string, string>;

type Part = readonly [name: string, text: string | undefined];

/** What a step says itself; the steps inside it are not looked at. */
export function stepProperties(step: StepSyntax): Properties {
  const { id, name, timeout, onFailure } = step;
  return properties([
    ['id', id?.text],
    ['name', name?.text],
    ['if', step.if?.text],
    ['unless', step.unless?.text],
    ...verbParts(step),
    ['timeout', timeout?.text],
    ['on-failure', typeof onFailure === 'string' ? onFailure : undefined],
  ]);
}

export function triggerProperties(trigger: TriggerSyntax): Properties {
  switch (trigger.kind) {
    case 'event':
      return properties([...texts({ event: trigger.event, provider: trigger.provider, where: trigger.where })]);
    case 'schedule':
    case 'cron':
      return properties([
        [trigger.kind, trigger.schedule.text],
        ['timezone', trigger.timezone?.text],
        ['missed', trigger.missed],
      ]);
    case 'manual':
      return properties([
        ['manual', 'by hand'],
        ...texts({ title: trigger.title, who: trigger.who }),
        ...valueParts('inputs', trigger.inputs),
      ]);
    case 'plugin':
      return properties([...texts({ trigger: trigger.trigger, via: trigger.via }), ...valueParts('with', trigger.with)]);
  }
}

export function retryParts(retry: RetrySyntax | undefined): readonly Part[] {
  if (!retry) return [];
  if (retry.never) return [['retry', 'never']];
  const { times, first, factor, longest, every, within } = retry;
  return texts({ times, first, factor, longest, every, within }).map(([name, text]) => [`retry ${name}`, text]);
}

/** Every value under `name`, by its path: `with body amount`. */
export function valueParts(name: string, node: YamlNode | undefined): readonly Part[] {
  if (!node) return [];
  if (node.kind === 'map') return entryParts(name, node.entries);
  if (node.kind === 'scalar') return [[name, isEmpty(node) ? '' : node.text]];
  return node.items.flatMap((item, index) => valueParts(`${name} ${index + 1}`, item));
}

export function entryParts(name: string, entries: readonly YamlEntry[]): readonly Part[] {
  return entries.flatMap(({ key, value }) => valueParts(`${name} ${key}`.trim(), value));
}

export function properties(parts: readonly Part[]): Properties {
  return new Map(parts.filter((part): part is readonly [string, string] => part[1] !== undefined));
}

export function texts(named: Readonly<Record<string, Text | undefined>>): readonly Part[] {
  return Object.entries(named).map(([name, text]) => [name, text?.text]);
}

function verbParts(step: StepSyntax): readonly Part[] {
  switch (step.verb) {
    case 'do':
      return [
        ['do', step.action.text],
        ...valueParts('with', step.with),
        ['via', step.via?.text],
        ...retryParts(step.retry),
        ['on-unknown', step.onUnknown?.text],
      ];
    case 'wait':
      return [
        ['wait', step.duration?.text ?? (step.until && `=${step.until.text}`)],
        ['at', step.clockTime?.text],
      ];
    case 'wait-for':
      return [['wait-for', listed(step.events)], ...texts({ where: step.where, same: step.same })];
    case 'choose':
      return step.branches.map(({ if: condition }, index) => [`branch ${index + 1}`, condition?.text ?? 'else']);
    case 'repeat':
      return [['repeat', step.times?.text ?? 'without a number'], ...texts({ until: step.until, every: step.every })];
    case 'for-each':
      return texts({ 'for-each': step.list, as: step.as, 'at-once': step.atOnce });
    case 'parallel':
      return [
        ['branches', step.branches.map(({ name }) => name.text).join(', ')],
        ['when-one-fails', step.whenOneFails],
      ];
    case 'set':
      return entryParts('set', step.values);
    case 'emit':
      return [['emit', step.event.text], ...valueParts('with', step.with)];
    case 'run':
      return [['run', step.flow.text], ...valueParts('with', step.with), ['and', step.and]];
    case 'ask':
      return [...texts({ ask: step.question, who: step.who }), ['choices', step.choices.length > 0 ? listed(step.choices) : undefined]];
    case 'stop':
    case 'fail':
      return [[step.verb, step.reason.text]];
    case 'then':
      return [];
  }
}

function listed(parts: readonly Text[]): string {
  return parts.map(({ text }) => text).join(', ');
}
