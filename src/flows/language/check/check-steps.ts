/** Walks the steps in the order in which they run, and checks each against what it can see there. */
import type { Schema } from '@kassaflow/plugin-sdk';
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics, Span } from '../diagnostic.ts';
import { RESERVED_NAMES, STEP_NAME } from '../names.ts';
import { kindWords } from '../expressions/kind-problems.ts';
import { formula, idLike } from '../read/read-step.ts';
import { innerSteps, type FlowSyntax, type StepOf, type StepSyntax, type Text } from '../syntax.ts';
import { CUSTOM_EVENT, type ActionWord, type Vocabulary } from '../vocabulary.ts';
import { propertyOf } from '../field-value.ts';
import { guessed, isEmpty, type YamlMap, type YamlNode } from '../yaml/node.ts';
import { checkObject, checkValue } from './check-values.ts';
import { checkCall, formOf } from './check-calls.ts';
import { checkWait } from './check-waits.ts';
import { elementShape } from './flow-shapes.ts';
import type { Sight, TextChecker } from './text-checker.ts';
import { checkVerbRules } from './verb-rules.ts';

/** CEL's names for what a wait can last until: a moment, or a text that holds one. */
const MOMENTS: ReadonlySet<string> = new Set(['google.protobuf.Timestamp', 'string', 'dyn']);

export class StepsChecker {
  readonly #actions: ReadonlyMap<string, ActionWord>;
  readonly #diagnostics: Diagnostics;

  constructor(
    readonly flow: FlowSyntax,
    readonly vocabulary: Vocabulary,
    readonly texts: TextChecker,
  ) {
    this.#actions = new Map(vocabulary.actions.map((action) => [action.name, action]));
    this.#diagnostics = texts.diagnostics;
  }

  /** @returns ids of steps that a step after these can read */
  list(steps: readonly StepSyntax[], sight: Sight): ReadonlySet<string> {
    let seen = sight.steps;
    let ended: StepSyntax | undefined;
    for (const step of steps) {
      if (ended) {
        this.#diagnostics.report('flow.unreachable', step.verbSpan);
        ended = undefined;
      }
      seen = this.#step(step, { ...sight, steps: seen });
      if ((step.verb === 'stop' || step.verb === 'fail') && !step.if && !step.unless) ended = step;
    }
    return seen;
  }

  #step(step: StepSyntax, sight: Sight): ReadonlySet<string> {
    this.texts.condition(step.if, sight);
    this.texts.condition(step.unless, sight);
    checkVerbRules(step, this.#actions, this.#diagnostics);
    this.#verb(step, sight);
    const done = step.id ? new Set([...sight.steps, step.id.text]) : sight.steps;
    const inside = step.verb === 'for-each' ? this.#inLoop(step, sight) : sight;
    // Only the loop's own steps see its element.
    let after = done;
    for (const { branch, steps } of innerSteps(step)) {
      // Undo and handlers run after the step; loop bodies see their variable; branches do not see each other.
      const base =
        branch === 'undo' || branch === 'on-failure' || branch === 'on-timeout' || branch === 'otherwise'
          ? new Set([...done, ...after])
          : sight.steps;
      const seen = this.list(steps, { ...(branch === 'for-each' ? inside : sight), steps: base });
      after = new Set([...after, ...seen]);
    }
    return after;
  }

  #verb(step: StepSyntax, sight: Sight): void {
    switch (step.verb) {
      case 'do':
        return this.#do(step, sight);
      case 'wait':
        return this.#wait(step, sight);
      case 'wait-for':
        return checkWait(step, this.flow.onePer, sight, this.vocabulary, this.texts);
      case 'choose':
        return step.branches.forEach((branch) => this.texts.condition(branch.if, sight));
      case 'repeat':
        return void this.texts.condition(step.until, { ...sight, steps: new Set([...sight.steps, ...idsIn(step.steps)]) });
      case 'for-each':
        return this.#forEach(step, sight);
      case 'set':
        return step.values.forEach(({ key, value }) => checkValue(value, undefined, key, sight, this.texts));
      case 'emit':
        return this.#emit(step, sight);
      case 'run':
        return this.#run(step, sight);
      case 'ask':
        return this.#text(step.question, sight);
      case 'stop':
      case 'fail':
        return this.#text(step.reason, sight);
      case 'then':
      case 'parallel':
        return undefined;
    }
  }

  #do(step: StepOf<'do'>, sight: Sight): void {
    const action = this.#actions.get(step.action.text);
    if (!action) {
      const turned = step.action.text.split('.').toReversed().join('.');
      const near = nearest(step.action.text, this.#actions.keys()) ?? (this.#actions.has(turned) ? turned : undefined);
      this.#diagnostics.report(
        'flow.unknown-action',
        step.action.span,
        { name: step.action.text },
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    }
    this.#values(step.with, action?.input, step.action, sight);
    if (step.via) this.#connection(step.via, action);
    if (action?.movesMoney && step.onUnknown?.text === 'resend')
      this.#diagnostics.report('flow.on-unknown', step.onUnknown.span, { action: action.name });
  }

  #values(values: YamlNode | undefined, input: Schema | undefined, owner: Text, sight: Sight): void {
    if (values?.kind === 'map') checkObject(values, input, owner.text, sight, this.texts);
    const given = new Set(values?.kind === 'map' ? values.entries.map(({ key }) => key) : []);
    const missing = (input?.required ?? []).filter((key) => !given.has(key));
    if (missing.length === 0) return;
    const inputs = missing.map((key) => `${key}: …`).join(', ');
    this.#diagnostics.report(
      'flow.missing-input',
      owner.span,
      { action: owner.text, names: missing.join(', ') },
      `add  with: { ${inputs} }`,
    );
  }

  #connection(via: Text, action: ActionWord | undefined): void {
    const { connections } = this.vocabulary;
    if (!connections) return;
    const connection = connections.find(({ name }) => name === via.text);
    if (!connection) {
      const near = nearest(
        via.text,
        connections.map(({ name }) => name),
      );
      return this.#diagnostics.report(
        'flow.unknown-connection',
        via.span,
        { name: via.text },
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    }
    const able = this.vocabulary.actions.filter(({ name }) => name === action?.name).map(({ plugin }) => plugin);
    if (!action || action.plugin === 'core' || able.includes(connection.plugin)) return;
    const fitting = connections.filter(({ plugin }) => able.includes(plugin)).map(({ name }) => name);
    this.#diagnostics.report(
      'flow.connection-plugin',
      via.span,
      { name: via.text, plugin: connection.plugin, action: action.name, expected: able.join(' or ') },
      fitting.length > 0 ? `use one of: ${fitting.join(', ')}` : undefined,
    );
  }

  #wait({ until }: StepOf<'wait'>, sight: Sight): void {
    const type = until && this.texts.expression(until, sight);
    if (type !== undefined && !MOMENTS.has(type))
      this.#diagnostics.report('flow.input-kind', until?.span ?? [0, 1], {
        owner: 'wait',
        expected: `a duration or a moment; this is ${kindWords(type)}`,
        example: 'wait: 3d  or  wait: =invoice.dueAt',
      });
  }

  #inLoop({ as, list }: StepOf<'for-each'>, sight: Sight): Sight {
    const shape = elementShape((formula(list) ?? list).text, { ...this.texts.shapes, ...sight.loops });
    return { ...sight, loops: { ...sight.loops, [as?.text ?? 'item']: shape } };
  }

  #forEach(step: StepOf<'for-each'>, sight: Sight): void {
    const list = formula(step.list);
    if (!list)
      this.#diagnostics.report('flow.kind', step.list.span, {
        owner: 'for-each',
        expected: 'a formula that gives a list',
        example: `for-each: =${step.list.text}`,
      });
    else {
      const type = this.texts.expression(list, sight);
      if (type !== undefined && type !== 'dyn' && !type.startsWith('list'))
        this.#diagnostics.report('flow.kind', step.list.span, {
          owner: 'for-each',
          expected: 'a list',
          example: 'for-each: =steps.<id>.<list>',
        });
    }
    const { as } = step;
    if (Object.hasOwn(sight.loops, as?.text ?? 'item'))
      this.#diagnostics.report('flow.loop-name', as?.span ?? step.verbSpan, { name: as?.text ?? 'item' });
    if (!as) return;
    if (!STEP_NAME.test(as.text)) this.#diagnostics.report('flow.step-id', as.span, {}, `write  as: ${idLike(as.text)}`);
    else if (as.text !== 'item' && RESERVED_NAMES.has(as.text))
      this.#diagnostics.report('flow.reserved-id', as.span, { name: as.text }, `write  as: ${idLike(`one ${as.text}`)}`);
  }

  #emit(step: StepOf<'emit'>, sight: Sight): void {
    if (!CUSTOM_EVENT.test(step.event.text))
      this.#diagnostics.report(
        'flow.unknown-event',
        step.event.span,
        { name: step.event.text },
        `events of your own look like this:  emit: ${customName(step.event.text)}`,
      );
    if (step.with?.kind === 'map') checkObject(step.with, undefined, step.event.text, sight, this.texts);
  }

  #run(step: StepOf<'run'>, sight: Sight): void {
    const form = formOf(this.vocabulary.forms, step.flow.text) ?? undefined;
    this.#values(step.with, form, step.flow, sight);
    if (form && step.with?.kind === 'map') this.#plainTexts(step.with, form);
    checkCall(step, this.flow.name.text, this.vocabulary, this.#diagnostics);
  }

  /** What another flow takes may change, so values are handed on as they are written: `12` is a number there, also where a text is wanted. */
  #plainTexts({ entries }: YamlMap, form: Schema): void {
    for (const { key, value } of entries) {
      if (value.kind !== 'scalar' || isEmpty(value) || propertyOf(form, key)?.type !== 'string' || typeof guessed(value) === 'string')
        continue;
      this.#diagnostics.report('flow.input-kind', value.span, { owner: key, expected: 'a text', example: `${key}: "${value.text}"` });
    }
  }

  #text(text: Text, sight: Sight): void {
    const expression = formula(text);
    if (expression) this.texts.expression(expression, sight);
    else if (text.text.includes('{{')) this.texts.template(text, sight, false);
  }
}

/** A name that the event log takes, made from another text: `PaymentFound` becomes `custom.payment-found`. */
function customName(text: string): string {
  const words = text
    .replace(/^custom\./, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split('.')
    .map((word) => word.replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, ''))
    .filter((word) => word !== '');
  return ['custom', ...(words.length > 0 ? words : ['something'])].join('.');
}

/** Reports ids that occur twice. */
export function checkIds(steps: Iterable<StepSyntax>, diagnostics: Diagnostics): void {
  const first = new Map<string, Span>();
  for (const { id } of steps) {
    if (!id) continue;
    const earlier = first.get(id.text);
    if (earlier)
      diagnostics.report(
        'flow.duplicate-id',
        id.span,
        { name: id.text, line: diagnostics.position(earlier[0]).line },
        `write for example  id: ${id.text}2`,
      );
    else first.set(id.text, id.span);
  }
}

function* idsIn(steps: readonly StepSyntax[]): Generator<string> {
  for (const step of steps) {
    if (step.id) yield step.id.text;
    for (const inner of innerSteps(step)) yield* idsIn(inner.steps);
  }
}
