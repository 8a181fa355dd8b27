/**
 * Turns a checked flow into the form that the engine walks: expressions parsed, texts compiled, durations in milliseconds.
 *
 * Also used for old revisions, years after they were checked: an action that no longer exists is no reason to fail here,
 * the step that calls it will say so. Only what the syntax itself needs is required.
 */
import { approximateMs } from '../../kernel/duration.ts';
import { defineErrors, isKassaflowError } from '../../kernel/errors.ts';
import { arrivingShape, flowShapes } from './check/flow-shapes.ts';
import { StepsCompiler } from './compile/compile-steps.ts';
import { compileTrigger } from './compile/compile-triggers.ts';
import { compileMatch, identityOf, subjectOfIdentity } from './compile/event-match.ts';
import { TextCompiler } from './compile/text-compiler.ts';
import type { CompiledFlow } from './compiled-flow.ts';
import { Diagnostics, hasErrors } from './diagnostic.ts';
import { readFlow } from './read/read-flow.ts';
import type { FlowSyntax, Text } from './syntax.ts';
import type { Vocabulary } from './vocabulary.ts';
import { guessed } from './yaml/node.ts';

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
  const { name, title, when, unless, onePer, ifRunning, stopOn, vars, timeout, retry } = flow;
  const texts = TextCompiler.of(source, flowShapes(flow, vocabulary), flow.timezone?.text ?? timeZone);
  const steps = new StepsCompiler({ onePer, retry }, vocabulary);
  const condition = texts.condition(when, unless);
  return {
    name: name.text,
    title: title?.text ?? name.text,
    timeZone: texts.timeZone,
    triggers: flow.triggers.flatMap((trigger) => compileTrigger(trigger, texts)),
    ...(condition && { condition }),
    ...((onePer ?? ifRunning) && { onePer: { key: texts.expression(caseOf(onePer, texts)), ifRunning: ifRunning?.text ?? 'skip' } }),
    stopOn: stopOn.map((stop) => ({
      event: stop.event.text,
      match: compileMatch(stop, onePer, texts, arrivingShape([stop.event.text], vocabulary)),
    })),
    vars: Object.fromEntries(vars.map(({ key, value }) => [key, guessed(value)])),
    ...(timeout?.duration && { timeoutMs: approximateMs(timeout.duration) }),
    steps: steps.list(flow.steps, '', texts),
    onFailure: steps.list(flow.onFailure, 'on-failure.', texts),
  };
}

/** What a case is; without `one-per` the flow as a whole is one. */
function caseOf(onePer: Text | undefined, { shapes }: TextCompiler): Pick<Text, 'text' | 'at'> {
  if (!onePer) return { text: '"the flow"', at: 0 };
  // `payment.id` is the id in the event: an identity never changes, so no subject need be read before the run starts.
  const subject = subjectOfIdentity(onePer.text);
  return subject === undefined ? onePer : { ...onePer, text: identityOf(subject, shapes['event']) };
}
