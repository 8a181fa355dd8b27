/**
 * Turns a checked flow into the form that the engine walks: expressions parsed, texts compiled, durations in milliseconds.
 *
 * Also used for old revisions, years after they were checked: an action that no longer exists is no reason to fail here,
 * the step that calls it will say so. Only what the syntax itself needs is required.
 */
import type { Field } from '@kassaflow/plugin-sdk';
import { approximateMs, type Duration } from '../../kernel/duration.ts';
import { defineErrors, isKassaflowError } from '../../kernel/errors.ts';
import type { CompiledFlow, CompiledStep, CompiledTrigger, Expression, Place, RetryPolicy, ValueTemplate } from './compiled-flow.ts';
import { flowShapes } from './check/flow-shapes.ts';
import { Diagnostics, hasErrors } from './diagnostic.ts';
import { both, compileCondition, compileExpression } from './expressions/expression.ts';
import { fieldsOf, kindOfText, literalValue, propertyOf } from './field-value.ts';
import { readFlow } from './read/read-flow.ts';
import { formula } from './read/read-step.ts';
import { SUBJECT_WORDS } from './names.ts';
import { fieldOf, type Shape } from './shape.ts';
import type { FlowSyntax, RetrySyntax, StepSyntax, Text } from './syntax.ts';
import { compileTemplate } from './templates/template.ts';
import type { ActionWord, Vocabulary } from './vocabulary.ts';
import { guessed, type YamlNode } from './yaml/node.ts';

/** Technical failures are tried again five times by default: after 10 s, 30 s, 90 s, 4.5 min and 13.5 min. */
const USUAL_RETRY: RetryPolicy = { kind: 'backoff', times: 5, firstMs: 10_000, factor: 3, longestMs: 3_600_000 };
/** The zone of a flow that names none; the same as a new tenant's. */
const USUAL_TIME_ZONE = 'Europe/Amsterdam';

const compileErrors = defineErrors('flow', {
  unreadable: {
    status: 500,
    title: 'A published revision of a flow can no longer be read',
    remedy: 'never',
    help: 'Publish the flow again.',
  },
});

/** Compiles the text of a revision. @throws flow.unreadable when it does not read as a flow */
export function compileSource(source: string, vocabulary: Vocabulary, timeZone = USUAL_TIME_ZONE): CompiledFlow {
  const diagnostics = new Diagnostics(source);
  const flow = readFlow(source, diagnostics);
  const [first] = diagnostics.list();
  if (!flow || hasErrors(diagnostics.list())) throw compileErrors.unreadable({ line: first?.place.line, problem: first?.message });
  try {
    return compile(flow, source, vocabulary, timeZone);
  } catch (cause) {
    // Whoever has many revisions to read must be able to tell this one from a database that is away.
    throw isKassaflowError(cause) ? cause : compileErrors.unreadable({}, { cause });
  }
}

/** @param timeZone of the tenant, for a flow that names none */
export function compile(flow: FlowSyntax, source: string, vocabulary: Vocabulary, timeZone = USUAL_TIME_ZONE): CompiledFlow {
  return new Compilation(flow, source, vocabulary, flow.timezone?.text ?? timeZone).flow();
}

class Compilation {
  readonly #shapes: Readonly<Record<string, Shape>>;
  readonly #actions: ReadonlyMap<string, ActionWord>;
  readonly #positions: Diagnostics;

  constructor(
    readonly syntax: FlowSyntax,
    source: string,
    vocabulary: Vocabulary,
    readonly timeZone: string,
  ) {
    this.#shapes = flowShapes(syntax, vocabulary);
    this.#actions = new Map(vocabulary.actions.map((action) => [action.name, action]));
    this.#positions = new Diagnostics(source);
  }

  flow(): CompiledFlow {
    const { name, title, when, unless, onePer, ifRunning, vars, timeout, steps, onFailure } = this.syntax;
    const condition = this.#condition(when, unless);
    return {
      name: name.text,
      title: title?.text ?? name.text,
      timeZone: this.timeZone,
      triggers: this.syntax.triggers.flatMap((trigger): CompiledTrigger[] => this.#trigger(trigger)),
      ...(condition && { condition }),
      ...(onePer && { onePer: { key: this.#expression(this.#identity(onePer)), ifRunning: ifRunning?.text ?? 'skip' } }),
      stopOn: [],
      vars: Object.fromEntries(vars.map(({ key, value }) => [key, guessed(value)])),
      ...(timeout?.duration && { timeoutMs: approximateMs(timeout.duration) }),
      steps: this.#steps(steps, ''),
      onFailure: this.#steps(onFailure, 'on-failure.'),
    };
  }

  /** `payment.id` is the id in the event: an identity never changes, so no subject need be read before the run starts. */
  #identity(key: Text): Text {
    const [, subject = ''] = /^\s*([a-z]+)\.id\s*$/.exec(key.text) ?? [];
    const event = this.#shapes['event'];
    const inEvent = event?.kind === 'object' ? event.fields[subject] : undefined;
    return SUBJECT_WORDS.some((word) => word === subject) && inEvent && fieldOf(inEvent, 'id')
      ? { ...key, text: `event.${subject}.id` }
      : key;
  }

  #trigger(trigger: FlowSyntax['triggers'][number]): CompiledTrigger[] {
    if (trigger.kind === 'manual') return [{ kind: 'manual', inputs: guessed(trigger.inputs) as Readonly<Record<string, unknown>> }]; // a map guesses to an object
    if (trigger.kind !== 'event') return [];
    const where = this.#condition(trigger.where, undefined);
    return [
      { kind: 'event', event: trigger.event.text, ...(trigger.provider && { provider: trigger.provider.text }), ...(where && { where }) },
    ];
  }

  #steps(steps: readonly StepSyntax[], prefix: string): CompiledStep[] {
    return steps.flatMap((step, index) => this.#step(step, `${prefix}${index}`) ?? []);
  }

  #step(step: StepSyntax, path: string): CompiledStep | undefined {
    const condition = this.#condition(step.if, step.unless);
    const common = {
      path,
      title: step.name?.text ?? step.id?.text ?? titleOf(step),
      place: this.#place(step.span[0]),
      ...(step.id && { id: step.id.text }),
      ...(condition && { condition }),
      ...(step.timeout?.duration && { timeoutMs: approximateMs(step.timeout.duration) }),
      onFailure: typeof step.onFailure === 'object' ? this.#steps(step.onFailure, `${path}.on-failure.`) : (step.onFailure ?? 'stop'),
    } as const;
    switch (step.verb) {
      case 'do':
        return { ...common, ...this.#do(step) };
      case 'wait':
        return {
          ...common,
          verb: 'wait',
          ...(step.duration?.duration && { duration: step.duration.duration }),
          ...(step.until && { until: this.#expression(step.until) }),
          ...clockTime(step.clockTime),
        };
      case 'then':
        return { ...common, verb: 'branch', then: this.#steps(step.then, `${path}.then.`), else: this.#steps(step.else, `${path}.else.`) };
      case 'choose':
        return {
          ...common,
          verb: 'choose',
          branches: step.branches.map((branch, index) => this.#branch(branch, `${path}.choose.${index}.`)),
        };
      case 'parallel':
        return {
          ...common,
          verb: 'parallel',
          whenOneFails: step.whenOneFails,
          branches: Object.fromEntries(
            step.branches.map(({ name, steps }) => [name.text, this.#steps(steps, `${path}.parallel.${name.text}.`)]),
          ),
        };
      case 'set':
        return {
          ...common,
          verb: 'set',
          values: Object.fromEntries(step.values.map(({ key, value }) => [key, this.#value(value, undefined, key)])),
        };
      case 'emit':
        return { ...common, verb: 'emit', event: step.event.text, with: this.#object(step.with, undefined) };
      case 'stop':
      case 'fail':
        return { ...common, verb: step.verb, reason: this.#text(step.reason) };
      // These are refused when a flow is published (check/not-yet.ts), so no revision holds them.
      case 'wait-for':
      case 'repeat':
      case 'for-each':
      case 'ask':
      case 'run':
        return undefined;
    }
  }

  #do(step: Extract<StepSyntax, { verb: 'do' }>) {
    const action = this.#actions.get(step.action.text);
    const retry = step.retry ?? this.syntax.retry;
    return {
      verb: 'do',
      action: step.action.text,
      with: this.#object(step.with, action?.input),
      ...(step.via && { via: step.via.text }),
      retry: retry ? policy(retry) : USUAL_RETRY,
      onUnknown: step.onUnknown?.text === 'resend' && !action?.movesMoney ? 'resend' : 'ask',
    } as const;
  }

  #branch({ if: condition, steps }: { if?: Text; steps: readonly StepSyntax[] }, prefix: string) {
    const compiled = this.#condition(condition, undefined);
    return { ...(compiled && { if: compiled }), then: this.#steps(steps, prefix) };
  }

  #condition(positive: Text | undefined, negative: Text | undefined): Expression | undefined {
    const [yes, no] = [
      positive && compileCondition(positive.text, this.#shapes, { place: this.#place(positive.at) }),
      negative && compileCondition(negative.text, this.#shapes, { place: this.#place(negative.at), negate: true }),
    ];
    return both(yes, no);
  }

  #expression(text: Text): Expression {
    return compileExpression(text.text, this.#shapes, this.#place(text.at));
  }

  #text(text: Text): ValueTemplate {
    return this.#value({ kind: 'scalar', text: text.text, quoted: true, span: text.span, at: text.at }, { type: 'string' }, '');
  }

  #object(node: YamlNode | undefined, schema: Field | undefined): ValueTemplate {
    return node?.kind === 'map' ? this.#value(node, schema ?? { type: 'object' }, '') : literal({});
  }

  #value(node: YamlNode, field: Field | undefined, name: string): ValueTemplate {
    if (node.kind === 'list')
      return combined(
        node.items.map((item, index) => [String(index), this.#value(item, field?.items, name)] as const),
        (values) => Object.values(values),
      );
    if (node.kind === 'map') {
      const known = fieldsOf(field) !== undefined || typeof field?.additionalProperties === 'object';
      return combined(
        node.entries.map(({ key, value }) => [key, this.#value(value, known ? propertyOf(field, key) : undefined, key)] as const),
        (values) => values,
      );
    }
    const expression = formula(node);
    if (expression) return this.#expression(expression);
    if (kindOfText(node) === 'template')
      return compileTemplate(node.text, { shapes: this.#shapes, html: name === 'html', timeZone: this.timeZone });
    return literal(literalValue(node, field, name, () => undefined) ?? null);
  }

  #place(offset: number): Place {
    return this.#positions.position(offset);
  }
}

function literal(value: unknown): ValueTemplate {
  return { reads: new Set(), evaluate: () => value };
}

/** An object or list of values; one without anything to compute is computed once. */
function combined(
  parts: readonly (readonly [string, ValueTemplate])[],
  finish: (values: Record<string, unknown>) => unknown,
): ValueTemplate {
  const reads = new Set(parts.flatMap(([, part]) => [...part.reads]));
  const evaluate: ValueTemplate['evaluate'] = (scope) => {
    const values: Record<string, unknown> = {};
    for (const [name, part] of parts) values[name] = part.evaluate(scope);
    return finish(values);
  };
  return { reads, evaluate };
}

function policy({ never, times, first, factor, longest, every, within }: RetrySyntax): RetryPolicy {
  if (never || !times) return { kind: 'never' };
  const ms = (duration: Duration | undefined, otherwise: number) => (duration ? approximateMs(duration) : otherwise);
  const steady = every?.duration && approximateMs(every.duration);
  return {
    kind: 'backoff',
    times: times.value,
    firstMs: steady ?? ms(first?.duration, 10_000),
    factor: steady === undefined ? (factor?.value ?? 3) : 1,
    longestMs: steady ?? ms(longest?.duration, 3_600_000),
    ...(within?.duration && { withinMs: approximateMs(within.duration) }),
  };
}

function clockTime(text: Text | undefined): { at?: { hour: number; minute: number } } {
  const [hour, minute] = text?.text.split(':').map(Number) ?? [];
  return hour === undefined || minute === undefined ? {} : { at: { hour, minute } };
}

function titleOf(step: StepSyntax): string {
  switch (step.verb) {
    case 'do':
      return step.action.text;
    case 'emit':
      return `emit ${step.event.text}`;
    case 'wait':
      return `wait ${step.duration?.text ?? step.until?.text ?? ''}`.trim();
    case 'set':
      return `set ${step.values.map(({ key }) => key).join(', ')}`;
    case 'then':
      return 'if';
    default:
      return step.verb;
  }
}
