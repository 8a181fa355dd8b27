/** Reads the whole of a flow file into its syntax: all keys, all kinds of triggers, and every problem of form. */
import { isTimeZone } from '../../../kernel/duration.ts';
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics } from '../diagnostic.ts';
import type { FlowSyntax, StopOnSyntax, TestSyntax, Text, TriggerSyntax } from '../syntax.ts';
import { isEmpty, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/node.ts';
import { parseYaml } from '../yaml/parse-yaml.ts';
import { FLOW_NAME, STEP_NAME, SUBJECT_WORDS } from '../names.ts';
import { Fields, itemText, present } from './fields.ts';
import { idLike, readRetry, readStepList } from './read-step.ts';

const TOP = [
  'kassaflow',
  'flow',
  'title',
  'about',
  'owner',
  'labels',
  'enabled',
  'timezone',
  'on',
  'when',
  'unless',
  'one-per',
  'if-running',
  'stop-on',
  'vars',
  'retry',
  'timeout',
  'steps',
  'on-failure',
  'tests',
] as const;
const INPUT_TYPES = [
  'text',
  'number',
  'money',
  'phone',
  'email',
  'date',
  'yes-no',
  'choice',
  'customer',
  'invoice',
  'invoices',
  'payment',
  'subscription',
] as const;

/** Reads a file. Nothing comes back when it is not a map of keys at all. */
export function readFlow(source: string, diagnostics: Diagnostics): FlowSyntax | undefined {
  const root = parseYaml(source, diagnostics);
  if (!root) return undefined;
  if (root.kind !== 'map') {
    diagnostics.report('flow.kind', root.span, { owner: 'A flow', expected: 'keys with values', example: 'kassaflow: 1' });
    return undefined;
  }
  const fields = new Fields(root, 'A flow', diagnostics).only(TOP);
  readVersion(fields, root);
  const [retry, timezone, ifRunning] = [
    fields.has('retry') ? readRetry(fields.entry('retry'), diagnostics) : undefined,
    readTimeZone(fields.text('timezone'), diagnostics),
    fields.word('if-running', ['skip', 'queue', 'replace', 'parallel']),
  ];
  const stepsEntry = fields.need('steps', [0, 1]);
  return {
    ...present({
      title: fields.text('title'),
      about: fields.text('about'),
      owner: fields.text('owner'),
      timezone,
      when: fields.text('when'),
      unless: fields.text('unless'),
      onePer: fields.text('one-per'),
      ifRunning,
      retry,
      timeout: fields.duration('timeout'),
    }),
    name: readName(fields, root, diagnostics),
    labels: fields.map_('labels')?.entries ?? [],
    enabled: fields.word('enabled', ['true', 'false'])?.text !== 'false',
    triggers: readTriggers(fields.need('on', [0, 1]), diagnostics),
    stopOn: readStopOn(fields.entry('stop-on')?.value, diagnostics),
    vars: readVars(fields, diagnostics),
    steps: stepsEntry ? readStepList(stepsEntry, diagnostics) : [],
    onFailure: fields.entry('on-failure') ? readStepList(fields.entry('on-failure'), diagnostics) : [],
    tests: readTests(fields.list('tests')?.items ?? [], diagnostics),
  };
}

function readVersion(fields: Fields, root: YamlMap): void {
  const entry = fields.need('kassaflow', [root.span[0], root.span[0] + 1]);
  if (entry && !(entry.value.kind === 'scalar' && entry.value.text === '1'))
    fields.diagnostics.report(
      'flow.version',
      entry.value.span,
      {},
      entry.value.kind === 'scalar' && /^[0-9]+$/.test(entry.value.text)
        ? 'this Kassaflow reads format 1; upgrade it, or write  kassaflow: 1'
        : undefined,
    );
}

function readName(fields: Fields, root: YamlMap, diagnostics: Diagnostics): Text {
  fields.need('flow', [root.span[0], root.span[0] + 1]);
  const name = fields.text('flow');
  if (name && !FLOW_NAME.test(name.text)) diagnostics.report('flow.name', name.span, { suggestion: nameLike(name.text) });
  return name ?? { text: '', span: root.span, at: root.span[0] };
}

function nameLike(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);
  return plain.length >= 2 ? plain : 'my-flow';
}

/** Looking one up costs as much as reading ten steps. No more than there are zones. */
const knownZones = new Set<string>();

/** Checks a time zone; gives it back when it exists. */
export function readTimeZone(zone: Text | undefined, diagnostics: Diagnostics): Text | undefined {
  if (!zone || knownZones.has(zone.text)) return zone;
  if (isTimeZone(zone.text)) {
    knownZones.add(zone.text);
    return zone;
  }
  const near = nearest(zone.text, Intl.supportedValuesOf('timeZone'));
  diagnostics.report('flow.time-zone', zone.span, { found: zone.text }, near === undefined ? undefined : `did you mean ${near}?`);
  return undefined;
}

function readTriggers(entry: YamlEntry | undefined, diagnostics: Diagnostics): TriggerSyntax[] {
  if (!entry) return [];
  const nodes = entry.value.kind === 'list' ? entry.value.items : [entry.value];
  if (nodes.length === 0 || (nodes[0] && isEmpty(nodes[0])))
    diagnostics.report('flow.kind', entry.keySpan, { owner: 'on', expected: 'what starts the flow', example: 'on: payment.completed' });
  return nodes.filter((node) => !isEmpty(node)).flatMap((node) => readTrigger(node, diagnostics) ?? []);
}

function readTrigger(node: YamlNode, diagnostics: Diagnostics): TriggerSyntax | undefined {
  if (node.kind === 'scalar') return { kind: 'event', event: { text: node.text, span: node.span, at: node.at }, span: node.span };
  if (node.kind === 'list') {
    diagnostics.report('flow.kind', node.span, {
      owner: 'on',
      expected: 'an event, a schedule or a list of them',
      example: 'on: payment.completed',
    });
    return undefined;
  }
  const fields = new Fields(node, 'A trigger', diagnostics);
  const { span } = node;
  const kind = (['event', 'schedule', 'cron', 'manual', 'trigger'] as const).find((key) => fields.has(key));
  switch (kind) {
    case 'event': {
      const [event, rest] = [
        fields.only(['event', 'provider', 'where']).text('event'),
        present({ provider: fields.text('provider'), where: fields.text('where') }),
      ];
      return event && { kind, event, ...rest, span };
    }
    case 'schedule':
    case 'cron': {
      const [schedule, timezone] = [
        fields.only([kind, 'timezone', 'missed']).text(kind),
        readTimeZone(fields.text('timezone'), diagnostics),
      ];
      const missed = fields.word('missed', ['run-once', 'skip', 'all'])?.text;
      return schedule && { kind, schedule, ...present({ timezone, missed }), span };
    }
    case 'manual':
      return readManual(fields.only(['manual']), node, diagnostics);
    case 'trigger': {
      const [trigger, rest] = [
        fields.only(['trigger', 'via', 'with']).text('trigger'),
        present({ via: fields.text('via'), with: fields.map_('with') }),
      ];
      return trigger && { kind: 'plugin', trigger, ...rest, span };
    }
    default:
      fields.only(['event', 'schedule', 'cron', 'manual', 'trigger', 'provider', 'where', 'timezone', 'missed', 'via', 'with']);
      diagnostics.report(
        'flow.missing-key',
        span,
        { owner: 'A trigger', name: 'event' },
        'write one of: event, schedule, cron, manual, trigger',
      );
      return undefined;
  }
}

/** As in an API key's scope `team:finance`. */
const TEAM = /^[a-z][a-z0-9-]{0,39}$/;

function readManual(fields: Fields, node: YamlMap, diagnostics: Diagnostics): TriggerSyntax {
  const manual = fields.map_('manual');
  const inner = manual && new Fields(manual, 'manual', diagnostics).only(['inputs', 'title', 'who']);
  const inputs = inner?.map_('inputs') ?? { kind: 'map' as const, entries: [], span: node.span };
  for (const { key, keySpan, value } of inputs.entries) {
    if (!STEP_NAME.test(key)) diagnostics.report('flow.step-id', keySpan, {}, `write  ${idLike(key)}: …`);
    if (value.kind !== 'map') {
      diagnostics.report('flow.kind', value.span, { owner: key, expected: 'a description', example: `${key}: { type: text, title: … }` });
      continue;
    }
    const input = new Fields(value, `The input ${key}`, diagnostics).only(['type', 'title', 'optional', 'choices', 'default']);
    input.need('type', keySpan);
    input.word('type', INPUT_TYPES);
  }
  const who = inner?.text('who');
  if (who && !TEAM.test(who.text))
    diagnostics.report('flow.kind', who.span, { owner: 'who', expected: 'the name of a team, in small letters', example: 'who: finance' });
  return { kind: 'manual', inputs, ...present({ title: inner?.text('title'), who }), span: node.span };
}

function readStopOn(node: YamlNode | undefined, diagnostics: Diagnostics): StopOnSyntax[] {
  if (!node) return [];
  return (node.kind === 'list' ? node.items : [node]).flatMap((item) => {
    if (item.kind !== 'map') {
      const event = itemText(item, 'stop-on', diagnostics);
      return event ? [{ event, span: item.span }] : [];
    }
    const fields = new Fields(item, 'stop-on', diagnostics).only(['event', 'same', 'where']);
    fields.need('event', item.span);
    const event = fields.text('event');
    return event
      ? [{ event, ...present({ same: fields.wordAsWritten('same', SUBJECT_WORDS), where: fields.text('where') }), span: item.span }]
      : [];
  });
}

function readVars(fields: Fields, diagnostics: Diagnostics): readonly YamlEntry[] {
  const entries = fields.map_('vars')?.entries ?? [];
  for (const { key, keySpan } of entries)
    if (!STEP_NAME.test(key)) diagnostics.report('flow.step-id', keySpan, {}, `write  ${idLike(key)}: …`);
  return entries;
}

function readTests(nodes: readonly YamlNode[], diagnostics: Diagnostics): TestSyntax[] {
  return nodes.flatMap((node) => {
    if (node.kind !== 'map') {
      diagnostics.report('flow.kind', node.span, { owner: 'A test', expected: 'keys with values', example: '- name: …' });
      return [];
    }
    const fields = new Fields(node, 'A test', diagnostics).only(['name', 'given', 'mocks', 'then', 'expect']);
    for (const key of ['name', 'given', 'expect']) fields.need(key, node.span);
    const [name, given, expected] = [fields.text('name'), fields.map_('given'), fields.map_('expect')];
    if (given) new Fields(given, 'given', diagnostics).only(['event', 'schedule', 'manual', 'sample', 'data', 'at']);
    if (expected)
      new Fields(expected, 'expect', diagnostics)
        .only(['status', 'steps', 'never', 'took', 'with', 'reason'])
        .word('status', ['completed', 'stopped', 'failed', 'cancelled', 'not-started', 'waiting', 'attention']);
    return name && given && expected
      ? [{ name, given, expect: expected, ...present({ mocks: fields.map_('mocks'), then: fields.entry('then')?.value }) }]
      : [];
  });
}
