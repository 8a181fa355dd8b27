/** Reads steps: exactly one verb each, and the keys that belong to it. */
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics } from '../diagnostic.ts';
import type { ChooseBranch, RetrySyntax, StepSyntax, Text, Verb } from '../syntax.ts';
import { isEmpty, type YamlEntry, type YamlMap, type YamlNode } from '../yaml/node.ts';
import { RESERVED_IDS, STEP_NAME, SUBJECT_WORDS } from '../names.ts';
import { durationOf, Fields, itemText, present } from './fields.ts';

export const VERBS: readonly Verb[] = [
  'do',
  'wait',
  'wait-for',
  'then',
  'choose',
  'repeat',
  'for-each',
  'parallel',
  'set',
  'emit',
  'run',
  'ask',
  'stop',
  'fail',
];
const COMMON = ['id', 'name', 'if', 'unless', 'timeout', 'on-failure', 'undo'] as const;
const EXTRA: Readonly<Record<Verb, readonly string[]>> = {
  do: ['with', 'via', 'retry', 'on-unknown'],
  wait: ['at'],
  'wait-for': ['where', 'same', 'on-timeout'],
  then: ['else'],
  choose: [],
  repeat: ['steps', 'until', 'every', 'otherwise'],
  'for-each': ['steps', 'as', 'at-once'],
  parallel: ['when-one-fails'],
  set: [],
  emit: ['with'],
  run: ['with', 'and'],
  ask: ['who', 'choices', 'on-timeout'],
  stop: [],
  fail: [],
};

/** The steps under a key. */
export function readStepList(entry: YamlEntry | undefined, diagnostics: Diagnostics): StepSyntax[] {
  if (!entry) return [];
  const { value, keySpan, key } = entry;
  if (value.kind !== 'list' || value.items.length === 0) {
    if (!diagnostics.has(value.span))
      diagnostics.report('flow.kind', value.span[1] > value.span[0] ? value.span : keySpan, {
        owner: key,
        expected: 'a list of steps',
        example: `${key}:  and below it  - do: …`,
      });
    return [];
  }
  return value.items.flatMap((item) => readStep(item, diagnostics) ?? []);
}

function readStep(node: YamlNode, diagnostics: Diagnostics): StepSyntax | undefined {
  if (node.kind !== 'map') {
    diagnostics.report('flow.kind', node.span, { owner: 'A step', expected: 'keys with values', example: '- do: sms.send' });
    return undefined;
  }
  const fields = new Fields(node, 'A step', diagnostics);
  const verbs = VERBS.filter((verb) => fields.has(verb));
  const allowed = [...COMMON, ...verbs, ...verbs.flatMap((verb) => EXTRA[verb])];
  reportStrayKeys(fields, verbs, diagnostics);
  fields.only([...allowed, ...Object.values(EXTRA).flat()], [...new Set([...allowed, ...VERBS])]);
  const [first, second] = node.entries.filter(({ key }) => VERBS.includes(key as Verb));
  if (second && first) diagnostics.report('flow.two-verbs', second.keySpan, { first: first.key, second: second.key });
  if (!first) {
    // A mistyped verb was already reported as an unknown key.
    const mistyped = node.entries.find(({ keySpan }) => diagnostics.has(keySpan));
    if (!mistyped) diagnostics.report('flow.no-verb', [node.span[0], node.entries[0]?.keySpan[1] ?? node.span[1]]);
    // Its condition is still checked, as that of a step that does nothing.
    return fields.has('if') || fields.has('unless')
      ? { ...readCommon(fields, diagnostics), span: node.span, verbSpan: mistyped?.keySpan ?? node.span, verb: 'then', then: [], else: [] }
      : undefined;
  }
  const common = { ...readCommon(fields, diagnostics), span: node.span, verbSpan: first.keySpan };
  const verb = readVerb(first, fields, diagnostics);
  return verb && { ...common, ...verb };
}

/** Keys that belong to another verb: saying to which helps more than a name that looks alike. */
function reportStrayKeys(fields: Fields, verbs: readonly Verb[], diagnostics: Diagnostics): void {
  for (const { key, keySpan } of fields.map.entries) {
    const owners = VERBS.filter((verb) => EXTRA[verb].includes(key));
    if (owners.length === 0 || owners.some((verb) => verbs.includes(verb))) continue;
    diagnostics.report(
      'flow.unknown-key',
      keySpan,
      { owner: verbs[0] === undefined ? 'A step without a verb' : `A step with "${verbs[0]}"`, name: key },
      `"${key}" goes with: ${owners.join(', ')}`,
    );
  }
}

function readCommon(fields: Fields, diagnostics: Diagnostics) {
  const [id, failure] = [fields.text('id'), fields.entry('on-failure')];
  if (id && !STEP_NAME.test(id.text)) diagnostics.report('flow.step-id', id.span, { suggestion: idLike(id.text) });
  else if (id && RESERVED_IDS.has(id.text))
    diagnostics.report('flow.reserved-id', id.span, {
      name: id.text,
      suggestion: `my${id.text.charAt(0).toUpperCase()}${id.text.slice(1)}`,
    });
  const onFailure =
    failure?.value.kind === 'list' ? readStepList(failure, diagnostics) : fields.word('on-failure', ['stop', 'continue'])?.text;
  return present({
    id,
    name: fields.text('name'),
    if: fields.text('if'),
    unless: fields.text('unless'),
    timeout: fields.duration('timeout'),
    onFailure,
    undo: fields.has('undo') ? readStepList(fields.entry('undo'), diagnostics) : undefined,
  });
}

/** A name that may stand in expressions, made from another text. */
export function idLike(text: string): string {
  const plain = text.replace(/[^a-zA-Z0-9_]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '').replace(/^[^a-zA-Z]+/, '');
  return plain === '' ? 'step' : plain.charAt(0).toLowerCase() + plain.slice(1);
}

type VerbPart<V extends Verb = Verb> = V extends Verb
  ? Omit<Extract<StepSyntax, { verb: V }>, 'span' | 'verbSpan' | 'id' | 'name' | 'if' | 'unless' | 'timeout' | 'onFailure' | 'undo'>
  : never;

function readVerb(entry: YamlEntry, fields: Fields, diagnostics: Diagnostics): VerbPart | undefined {
  const steps = (key: string) => readStepList(fields.entry(key), diagnostics);
  const verb = entry.key as Verb; // only entries whose key is a verb come here
  switch (verb) {
    case 'do':
      return readDo(fields, diagnostics);
    case 'wait':
      return readWait(fields, diagnostics);
    case 'wait-for': {
      const events =
        entry.value.kind === 'list'
          ? entry.value.items.flatMap((item) => itemText(item, verb, diagnostics) ?? [])
          : [fields.text(verb)].filter((text) => text !== undefined);
      return {
        verb,
        events,
        ...present({ where: fields.text('where'), same: fields.wordAsWritten('same', SUBJECT_WORDS) }),
        onTimeout: steps('on-timeout'),
      };
    }
    case 'then':
      return { verb, then: steps('then'), else: steps('else') };
    case 'choose':
      return { verb, branches: readBranches(fields, diagnostics) };
    case 'repeat': {
      fields.need('steps', entry.keySpan);
      if (isEmpty(entry.value) && !fields.has('until')) diagnostics.report('flow.repeat-end', entry.keySpan);
      return {
        verb,
        ...present({
          times: isEmpty(entry.value) ? undefined : fields.number('repeat', 1, 100),
          until: fields.text('until'),
          every: fields.duration('every'),
        }),
        steps: steps('steps'),
        otherwise: steps('otherwise'),
      };
    }
    case 'for-each': {
      fields.need('steps', entry.keySpan);
      const list = fields.text(verb);
      return list && { verb, list, ...present({ as: fields.text('as'), atOnce: fields.number('at-once', 1, 50) }), steps: steps('steps') };
    }
    case 'parallel':
      return {
        verb,
        branches: readParallel(fields, diagnostics),
        whenOneFails: fields.word('when-one-fails', ['finish-others', 'stop-others'])?.text ?? 'finish-others',
      };
    case 'set':
      return { verb, values: readSet(fields, diagnostics) };
    case 'emit': {
      const event = fields.text(verb);
      return event && { verb, event, ...present({ with: fields.entry('with')?.value }) };
    }
    case 'run': {
      const flow = fields.text(verb);
      return (
        flow && {
          verb,
          flow,
          ...present({ with: fields.entry('with')?.value }),
          and: fields.word('and', ['wait', 'continue'])?.text ?? 'wait',
        }
      );
    }
    case 'ask': {
      fields.need('who', entry.keySpan);
      const question = fields.text(verb);
      return (
        question && {
          verb,
          question,
          ...present({ who: fields.text('who') }),
          choices: fields.list('choices')?.items.flatMap((item) => itemText(item, 'choices', diagnostics) ?? []) ?? [],
          onTimeout: steps('on-timeout'),
        }
      );
    }
    case 'stop':
      return withReason(fields.text(verb), (reason) => ({ verb, reason }));
    case 'fail':
      return withReason(fields.text(verb), (reason) => ({ verb, reason }));
  }
}

function withReason<T>(reason: Text | undefined, make: (reason: Text) => T): T | undefined {
  return reason && make(reason);
}

function readDo(fields: Fields, diagnostics: Diagnostics): VerbPart<'do'> | undefined {
  const action = fields.text('do');
  const values = fields.entry('with')?.value;
  const retry = fields.has('retry') ? readRetry(fields.entry('retry'), diagnostics) : undefined;
  if (values && values.kind !== 'map' && !isEmpty(values))
    diagnostics.report('flow.kind', values.span, {
      owner: 'with',
      expected: 'names with values',
      example: 'with: { to: =customer.phone }',
    });
  return (
    action && {
      verb: 'do',
      action,
      ...present({ with: values, via: fields.text('via'), retry, onUnknown: fields.word('on-unknown', ['resend', 'ask']) }),
    }
  );
}

function readWait(fields: Fields, diagnostics: Diagnostics): VerbPart<'wait'> | undefined {
  const text = fields.text('wait');
  const clockTime = fields.text('at');
  if (clockTime && !/^([01][0-9]|2[0-3]):[0-5][0-9]$/.test(clockTime.text))
    diagnostics.report('flow.clock-time', clockTime.span, { found: clockTime.text });
  if (!text) return undefined;
  const until = formula(text);
  return until
    ? { verb: 'wait', until, ...present({ clockTime }) }
    : { verb: 'wait', duration: durationOf(text, diagnostics), ...present({ clockTime }) };
}

/** The expression of a text that begins with `=`. */
export function formula(text: Text): Text | undefined {
  return text.text.startsWith('=') ? { text: text.text.slice(1), span: text.span, at: text.at + 1 } : undefined;
}

function readBranches(fields: Fields, diagnostics: Diagnostics): ChooseBranch[] {
  return (fields.list('choose')?.items ?? []).flatMap((item) => {
    if (item.kind !== 'map') {
      diagnostics.report('flow.kind', item.span, { owner: 'choose', expected: 'branches', example: '- if: …  and below it  then: …' });
      return [];
    }
    const branch = new Fields(item, 'A branch', diagnostics).only(['if', 'then', 'else']);
    if (branch.has('else')) return [{ steps: readStepList(branch.entry('else'), diagnostics) }];
    branch.need('if', item.span);
    branch.need('then', item.span);
    return [{ ...present({ if: branch.text('if') }), steps: readStepList(branch.entry('then'), diagnostics) }];
  });
}

function readParallel(fields: Fields, diagnostics: Diagnostics) {
  return (fields.map_('parallel')?.entries ?? []).map((entry) => {
    if (!STEP_NAME.test(entry.key)) diagnostics.report('flow.step-id', entry.keySpan, {}, `write  ${idLike(entry.key)}: …`);
    return { name: { text: entry.key, span: entry.keySpan, at: entry.keySpan[0] }, steps: readStepList(entry, diagnostics) };
  });
}

function readSet(fields: Fields, diagnostics: Diagnostics): readonly YamlEntry[] {
  const entries = fields.map_('set')?.entries ?? [];
  for (const { key, keySpan } of entries)
    if (!STEP_NAME.test(key)) diagnostics.report('flow.step-id', keySpan, {}, `write  ${idLike(key)}: …`);
  return entries;
}

export function readRetry(entry: YamlEntry | undefined, diagnostics: Diagnostics): RetrySyntax | undefined {
  if (!entry) return undefined;
  const { value, keySpan } = entry;
  if (value.kind === 'scalar' && value.text === 'never') return { span: value.span, never: true };
  if (value.kind !== 'map') {
    const near = value.kind === 'scalar' ? nearest(value.text, ['never']) : undefined;
    diagnostics.report(
      'flow.kind',
      value.span,
      { owner: 'retry', expected: 'never, or times and pauses', example: 'retry: { times: 5, first: 10s, factor: 3, longest: 1h }' },
      near === undefined ? undefined : 'did you mean never?',
    );
    return undefined;
  }
  const fields = new Fields(value as YamlMap, 'retry', diagnostics).only(['times', 'first', 'factor', 'longest', 'every', 'within']);
  fields.need('times', keySpan);
  return {
    span: value.span,
    never: false,
    ...present({
      times: fields.number('times', 1, 100),
      first: fields.duration('first'),
      factor: fields.number('factor', 1, 10, false),
      longest: fields.duration('longest'),
      every: fields.duration('every'),
      within: fields.duration('within'),
    }),
  };
}
