/** Turns the steps of a flow into those that the engine walks. Paths say where a step stands: `0.then.2`, `1.repeat.0`. */
import { approximateMs } from '../../../kernel/duration.ts';
import { arrivingShape, elementShape } from '../check/flow-shapes.ts';
import type { CompiledStep } from '../compiled-flow.ts';
import { formula } from '../read/read-step.ts';
import type { RetrySyntax, StepOf, StepSyntax, Text, Verb } from '../syntax.ts';
import type { ActionWord, Vocabulary } from '../vocabulary.ts';
import { compileMatch } from './event-match.ts';
import { retryPolicy } from './retry-policy.ts';
import type { TextCompiler } from './text-compiler.ts';

/** What an `ask` without `choices` offers. */
const USUAL_CHOICES = ['approve', 'reject'] as const;
/** The name of an element in a `for-each` without `as`. */
const USUAL_NAME = 'item';

/** What belongs to the verb. `then` is called a branch once it is compiled. */
type Part<V extends CompiledStep['verb'] = CompiledStep['verb']> = V extends unknown
  ? Omit<Extract<CompiledStep, { verb: V }>, 'path' | 'id' | 'title' | 'place' | 'condition' | 'timeoutMs' | 'onFailure' | 'undo'>
  : never;

/** What a flow says about all of its steps. */
export interface FlowRules {
  readonly onePer: Text | undefined;
  readonly retry: RetrySyntax | undefined;
}

export class StepsCompiler {
  readonly #actions: ReadonlyMap<string, ActionWord>;

  constructor(
    readonly rules: FlowRules,
    readonly vocabulary: Vocabulary,
  ) {
    this.#actions = new Map(vocabulary.actions.map((action) => [action.name, action]));
  }

  /** @param prefix of the paths: empty, or ending in a dot */
  list(steps: readonly StepSyntax[], prefix: string, texts: TextCompiler): CompiledStep[] {
    return steps.map((step, index) => this.#step(step, `${prefix}${index}`, texts));
  }

  #step(step: StepSyntax, path: string, texts: TextCompiler): CompiledStep {
    const condition = texts.condition(step.if, step.unless);
    // The time-out of a wait or a question follows the calendar and is part of the verb.
    const bounded = step.verb !== 'wait-for' && step.verb !== 'ask' ? step.timeout?.duration : undefined;
    const common = {
      path,
      title: step.name?.text ?? step.id?.text ?? titleOf(step),
      place: texts.place(step.span[0]),
      ...(step.id && { id: step.id.text }),
      ...(condition && { condition }),
      ...(bounded && { timeoutMs: approximateMs(bounded) }),
      onFailure: typeof step.onFailure === 'object' ? this.list(step.onFailure, `${path}.on-failure.`, texts) : (step.onFailure ?? 'stop'),
      ...(step.undo && { undo: this.list(step.undo, `${path}.undo.`, texts) }),
    } as const;
    return { ...common, ...this.#verb(step, path, texts) };
  }

  #verb(step: StepSyntax, path: string, texts: TextCompiler): Part {
    switch (step.verb) {
      case 'do':
        return this.#do(step, texts);
      case 'wait':
        return wait(step, texts);
      case 'wait-for':
        return this.#waitFor(step, path, texts);
      case 'then':
        return { verb: 'branch', then: this.list(step.then, `${path}.then.`, texts), else: this.list(step.else, `${path}.else.`, texts) };
      case 'choose':
        return this.#choose(step, path, texts);
      case 'repeat':
        return this.#repeat(step, path, texts);
      case 'for-each':
        return this.#forEach(step, path, texts);
      case 'parallel':
        return this.#parallel(step, path, texts);
      case 'set':
        return {
          verb: 'set',
          values: Object.fromEntries(step.values.map(({ key, value }) => [key, texts.value(value, undefined, key)])),
        };
      case 'emit':
        return { verb: 'emit', event: step.event.text, with: texts.object(step.with) };
      case 'run':
        return { verb: 'run', flow: step.flow.text, with: texts.object(step.with), and: step.and };
      case 'ask':
        return this.#ask(step, path, texts);
      case 'stop':
      case 'fail':
        return { verb: step.verb, reason: texts.text(step.reason) };
    }
  }

  #do(step: StepOf<'do'>, texts: TextCompiler): Part<'do'> {
    const action = this.#actions.get(step.action.text);
    return {
      verb: 'do',
      action: step.action.text,
      with: texts.object(step.with, action?.input),
      ...(step.via && { via: step.via.text }),
      retry: retryPolicy(step.retry ?? this.rules.retry),
      onUnknown: step.onUnknown?.text === 'resend' && !action?.movesMoney ? 'resend' : 'ask',
    };
  }

  #waitFor(step: StepOf<'wait-for'>, path: string, texts: TextCompiler): Part<'wait-for'> {
    const events = step.events.map(({ text }) => text);
    return {
      verb: 'wait-for',
      events,
      match: compileMatch(step, this.rules.onePer, texts, arrivingShape(events, this.vocabulary)),
      ...(step.timeout?.duration && { within: step.timeout.duration }),
      onTimeout: this.list(step.onTimeout, `${path}.on-timeout.`, texts),
    };
  }

  #choose(step: StepOf<'choose'>, path: string, texts: TextCompiler): Part<'choose'> {
    const branches = step.branches.map((branch, index) => {
      const condition = texts.condition(branch.if);
      return { ...(condition && { if: condition }), then: this.list(branch.steps, `${path}.choose.${index}.`, texts) };
    });
    return { verb: 'choose', branches };
  }

  #repeat(step: StepOf<'repeat'>, path: string, texts: TextCompiler): Part<'repeat'> {
    const until = texts.condition(step.until);
    return {
      verb: 'repeat',
      ...(step.times && { times: step.times.value }),
      steps: this.list(step.steps, `${path}.repeat.`, texts),
      ...(until && { until }),
      ...(step.every?.duration && { every: step.every.duration }),
      otherwise: this.list(step.otherwise, `${path}.otherwise.`, texts),
    };
  }

  #forEach(step: StepOf<'for-each'>, path: string, texts: TextCompiler): Part<'for-each'> {
    const list = formula(step.list) ?? step.list;
    const as = step.as?.text ?? USUAL_NAME;
    const inside = texts.seeing({ [as]: elementShape(list.text, texts.shapes) });
    return {
      verb: 'for-each',
      list: texts.expression(list),
      as,
      atOnce: step.atOnce?.value ?? 1,
      steps: this.list(step.steps, `${path}.for-each.`, inside),
    };
  }

  #parallel(step: StepOf<'parallel'>, path: string, texts: TextCompiler): Part<'parallel'> {
    const branches = step.branches.map(
      ({ name, steps }) => [name.text, this.list(steps, `${path}.parallel.${name.text}.`, texts)] as const,
    );
    return { verb: 'parallel', whenOneFails: step.whenOneFails, branches: Object.fromEntries(branches) };
  }

  #ask(step: StepOf<'ask'>, path: string, texts: TextCompiler): Part<'ask'> {
    return {
      verb: 'ask',
      question: texts.text(step.question),
      ...(step.who && { who: step.who.text }),
      choices: step.choices.length > 0 ? step.choices.map(({ text }) => text) : USUAL_CHOICES,
      ...(step.timeout?.duration && { within: step.timeout.duration }),
      onTimeout: this.list(step.onTimeout, `${path}.on-timeout.`, texts),
    };
  }
}

function wait(step: StepOf<'wait'>, texts: TextCompiler): Part<'wait'> {
  const [hour, minute] = step.clockTime?.text.split(':').map(Number) ?? [];
  return {
    verb: 'wait',
    ...(step.duration?.duration && { duration: step.duration.duration }),
    ...(step.until && { until: texts.expression(step.until) }),
    ...(hour !== undefined && minute !== undefined && { at: { hour, minute } }),
  };
}

/** What a step without a name of its own is called. */
function titleOf(step: StepSyntax): string {
  switch (step.verb) {
    case 'do':
      return step.action.text;
    case 'emit':
      return `emit ${step.event.text}`;
    case 'wait':
      return `wait ${step.duration?.text ?? step.until?.text ?? ''}`.trim();
    case 'wait-for':
      return `wait for ${step.events.map(({ text }) => text).join(' or ')}`;
    case 'for-each':
      return `for each ${step.as?.text ?? USUAL_NAME}`;
    case 'repeat':
      return step.times ? `repeat ${step.times.value} times` : 'repeat';
    case 'run':
      return `run ${step.flow.text}`;
    case 'ask':
      return `ask ${step.who?.text ?? ''}`.trim();
    case 'set':
      return `set ${step.values.map(({ key }) => key).join(', ')}`;
    case 'then':
      return 'if';
    default:
      return step.verb satisfies Verb;
  }
}
