/** Walks the steps in the order in which they run, and checks each against what it can see there. */
import { nearest } from '../../../kernel/nearest.ts';
import type { Diagnostics, Span } from '../diagnostic.ts';
import { RESERVED_NAMES, STEP_NAME } from '../names.ts';
import { formula } from '../read/read-step.ts';
import { ANY } from '../shape.ts';
import { innerSteps, type FlowSyntax, type StepOf, type StepSyntax, type Text } from '../syntax.ts';
import { CUSTOM_EVENT, type ActionWord, type Vocabulary } from '../vocabulary.ts';
import type { YamlNode } from '../yaml/node.ts';
import { checkObject, checkValue } from './check-values.ts';
import { checkEventName } from './check-triggers.ts';
import { TextChecker, type Sight } from './text-checker.ts';

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
    this.#verb(step, sight);
    const done = step.id ? new Set([...sight.steps, step.id.text]) : sight.steps;
    const inside = step.verb === 'for-each' ? { ...sight, loops: [...sight.loops, step.as?.text ?? 'item'] } : sight;
    let after = done;
    for (const { branch, steps } of innerSteps(step)) {
      // Undo and handlers run after the step; loop bodies see their variable; branches do not see each other.
      const base =
        branch === 'undo' || branch === 'on-failure' || branch === 'on-timeout' || branch === 'otherwise'
          ? new Set([...done, ...after])
          : sight.steps;
      const seen = this.list(steps, { ...inside, steps: base });
      after = new Set([...after, ...seen]);
    }
    return after;
  }

  #verb(step: StepSyntax, sight: Sight): void {
    switch (step.verb) {
      case 'do':
        return this.#do(step, sight);
      case 'wait':
        return void (step.until && this.texts.expression(step.until, sight));
      case 'wait-for':
        return this.#waitFor(step, sight);
      case 'then':
        return (step.if ?? step.unless) ? undefined : this.#diagnostics.report('flow.condition-needed', step.verbSpan);
      case 'choose':
        return step.branches.forEach((branch) => this.texts.condition(branch.if, sight));
      case 'repeat':
        return this.texts.condition(step.until, { ...sight, steps: new Set([...sight.steps, ...idsIn(step.steps)]) });
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
      case 'parallel':
        return undefined;
    }
  }

  #do(step: StepOf<'do'>, sight: Sight): void {
    const action = this.#actions.get(step.action.text);
    if (!action) {
      const near = nearest(step.action.text, this.#actions.keys());
      this.#diagnostics.report(
        'flow.unknown-action',
        step.action.span,
        { name: step.action.text },
        near === undefined ? undefined : `did you mean ${near}?`,
      );
    }
    this.#values(step.with, action, step.action, sight);
    if (step.via) this.#connection(step.via, action);
    if (action?.movesMoney && step.onUnknown?.text === 'resend')
      this.#diagnostics.report('flow.on-unknown', step.onUnknown.span, { action: action.name });
  }

  #values(values: YamlNode | undefined, action: ActionWord | undefined, name: Text, sight: Sight): void {
    if (values?.kind === 'map') checkObject(values, action?.input, name.text, sight, this.texts);
    if (!action) return;
    const given = new Set(values?.kind === 'map' ? values.entries.map(({ key }) => key) : []);
    const missing = (action.input.required ?? []).filter((key) => !given.has(key));
    if (missing.length === 0) return;
    const inputs = missing.map((key) => `${key}: …`).join(', ');
    this.#diagnostics.report(
      'flow.missing-input',
      name.span,
      { action: action.name, names: missing.join(', ') },
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

  #waitFor(step: StepOf<'wait-for'>, sight: Sight): void {
    for (const event of step.events) checkEventName(event, this.vocabulary, this.#diagnostics);
    if (step.where) new TextChecker({ ...this.texts.shapes, event: ANY }, this.#diagnostics).condition(step.where, sight);
    const [first] = step.events;
    if (first && !step.where && !step.same && !this.flow.onePer)
      this.#diagnostics.report('flow.correlation', first.span, { name: first.text });
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
    if (!as) return;
    if (!STEP_NAME.test(as.text)) this.#diagnostics.report('flow.step-id', as.span, { suggestion: as.text.replace(/[^a-zA-Z0-9_]/g, '_') });
    else if (as.text !== 'item' && RESERVED_NAMES.has(as.text))
      this.#diagnostics.report('flow.reserved-id', as.span, { name: as.text, suggestion: `my${as.text}` });
  }

  #emit(step: StepOf<'emit'>, sight: Sight): void {
    if (!CUSTOM_EVENT.test(step.event.text))
      this.#diagnostics.report(
        'flow.unknown-event',
        step.event.span,
        { name: step.event.text },
        `events of your own begin with custom.:  emit: custom.${step.event.text.replace(/[^a-z0-9.-]/gi, '-').toLowerCase()}`,
      );
    if (step.with?.kind === 'map') checkObject(step.with, undefined, step.event.text, sight, this.texts);
    const again = this.flow.triggers.some(
      (trigger) => trigger.kind === 'event' && trigger.event.text === step.event.text && !trigger.where,
    );
    if (again && !this.flow.when && !this.flow.unless)
      this.#diagnostics.report('flow.self-trigger', step.event.span, { name: step.event.text });
  }

  #run(step: StepOf<'run'>, sight: Sight): void {
    if (step.with?.kind === 'map') checkObject(step.with, undefined, step.flow.text, sight, this.texts);
    if (step.flow.text === this.flow.name.text)
      return this.#diagnostics.report('flow.cycle', step.flow.span, { path: `${step.flow.text} → ${step.flow.text}` });
    const { flows } = this.vocabulary;
    if (!flows || flows.includes(step.flow.text)) return;
    const near = nearest(step.flow.text, flows);
    this.#diagnostics.report(
      'flow.unknown-flow',
      step.flow.span,
      { name: step.flow.text },
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }

  #text(text: Text, sight: Sight): void {
    const expression = formula(text);
    if (expression) this.texts.expression(expression, sight);
    else if (text.text.includes('{{')) this.texts.template(text, sight, false);
  }
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
