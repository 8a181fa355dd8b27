/** Rules about money and order that no single step breaks. No peer checks these before a flow runs. */
import { approximateMs } from '../../../kernel/duration.ts';
import type { Diagnostics } from '../diagnostic.ts';
import { analyse } from '../expressions/analysis.ts';
import { flowEnvironment } from '../expressions/environment.ts';
import { allSteps, innerSteps, type FlowSyntax, type StepOf, type StepSyntax } from '../syntax.ts';
import type { ActionWord, Vocabulary } from '../vocabulary.ts';
import type { YamlNode } from '../yaml/node.ts';

const MOST_CHARGES = 10;
/** Messages to customers, and what customers are told about that may still fail. */
const MESSAGES: ReadonlySet<string> = new Set(['sms.send', 'email.send']);
const PROMISES: ReadonlySet<string> = new Set(['credit.add', 'accounting.post']);

type Words = ReadonlyMap<string, ActionWord>;

const environment = flowEnvironment(false);

export function checkSense(flow: FlowSyntax, { actions }: Vocabulary, diagnostics: Diagnostics): void {
  const words: Words = new Map(actions.map((action) => [action.name, action]));
  const everything = [...allSteps(flow.steps), ...allSteps(flow.onFailure)];
  checkLoops(flow.steps, words, diagnostics, 1);
  const refund = everything.find((step) => step.verb === 'do' && movesMoney(step, words) && /\brefund$/.test(step.action.text));
  if (refund?.verb === 'do' && !flow.onePer) diagnostics.report('flow.refund-one-per', refund.action.span);
  const first = flow.onFailure.length === 0 ? unguarded(flow.steps, words) : undefined;
  if (first?.verb === 'do') diagnostics.report('flow.no-on-failure', first.action.span);
  checkMessages(flow.steps, diagnostics);
  checkOnePer(flow, diagnostics);
  for (const step of everything) {
    if (step.verb === 'emit') checkEmit(step, flow, diagnostics);
    if (step.verb !== 'do') continue;
    checkCaused(step, flow, words, diagnostics);
    if (step.with) checkCurrencies(step.with, diagnostics);
  }
}

/** The first step that moves money and whose failure no step around it handles. */
function unguarded(steps: readonly StepSyntax[], words: Words): StepSyntax | undefined {
  for (const step of steps) {
    if (step.onFailure !== undefined && step.onFailure !== 'stop') continue;
    const found = movesMoney(step, words)
      ? step
      : innerSteps(step)
          .map((inner) => unguarded(inner.steps, words))
          .find((inner) => inner !== undefined);
    if (found) return found;
  }
  return undefined;
}

function movesMoney(step: StepSyntax, words: Words): boolean {
  return step.verb === 'do' && words.get(step.action.text)?.movesMoney === true;
}

/** @param rounds how often the steps may run without a pause between */
function checkLoops(steps: readonly StepSyntax[], words: Words, diagnostics: Diagnostics, rounds: number): void {
  for (const step of steps) {
    if (rounds > MOST_CHARGES && step.verb === 'do' && movesMoney(step, words))
      diagnostics.report('flow.money-loop', step.action.span, { action: step.action.text });
    const here = step.verb === 'repeat' ? (pauses(step) ? 1 : rounds * (step.times?.value ?? Number.POSITIVE_INFINITY)) : rounds;
    for (const { branch, steps: inner } of innerSteps(step)) checkLoops(inner, words, diagnostics, branch === 'repeat' ? here : rounds);
  }
}

/** A pause in every round: a wait that stands under a condition may be passed by. */
function pauses(step: StepOf<'repeat'>): boolean {
  if (step.every?.duration && approximateMs(step.every.duration) > 0) return true;
  return step.steps.some(({ verb, if: condition, unless }) => (verb === 'wait' || verb === 'wait-for') && !condition && !unless);
}

/** Within one list: a message to the customer, and after it what the message may have promised. */
function checkMessages(steps: readonly StepSyntax[], diagnostics: Diagnostics): void {
  let message: StepSyntax | undefined;
  for (const step of steps) {
    if (step.verb === 'do' && MESSAGES.has(step.action.text)) message ??= step;
    if (step.verb === 'do' && PROMISES.has(step.action.text) && message?.verb === 'do')
      diagnostics.report('flow.message-before-credit', message.action.span, { action: step.action.text });
    for (const inner of innerSteps(step)) if (inner.branch !== 'undo') checkMessages(inner.steps, diagnostics);
  }
}

/** A key that reads nothing is the same for every event: one run in all. */
function checkOnePer({ onePer }: FlowSyntax, diagnostics: Diagnostics): void {
  if (!onePer) return;
  try {
    const { readings, readsNow } = analyse(onePer.text, environment);
    if (readings.length === 0 || readsNow) diagnostics.report('flow.one-per', onePer.span);
  } catch {
    // Not an expression: reported where it is checked as one.
  }
}

/** An event of the author's own that starts the same flow. */
function checkEmit({ event }: StepOf<'emit'>, flow: FlowSyntax, diagnostics: Diagnostics): void {
  if (startsAgain(flow, event.text)) diagnostics.report('flow.self-trigger', event.span, { name: event.text });
}

/** An action whose effect is an event that starts the same flow. */
function checkCaused({ action }: StepOf<'do'>, flow: FlowSyntax, words: Words, diagnostics: Diagnostics): void {
  const caused = words.get(action.text)?.causes?.find((event) => startsAgain(flow, event));
  if (caused !== undefined) diagnostics.report('flow.caused-trigger', action.span, { action: action.text, name: caused });
}

function startsAgain({ triggers, when, unless }: FlowSyntax, event: string): boolean {
  return !when && !unless && triggers.some((trigger) => trigger.kind === 'event' && trigger.event.text === event && !trigger.where);
}

/** Amounts in one call are in one currency. */
function checkCurrencies(values: YamlNode, diagnostics: Diagnostics): void {
  let first: string | undefined;
  for (const { text, span } of scalarsOf(values)) {
    const [, currency] = /^-?[0-9]+(?:\.[0-9]+)? ?([A-Z]{3})$/.exec(text) ?? [];
    if (currency === undefined) continue;
    first ??= currency;
    if (currency !== first) diagnostics.report('flow.currency-mix', span, { left: first, right: currency });
  }
}

function* scalarsOf(node: YamlNode): Generator<Extract<YamlNode, { kind: 'scalar' }>> {
  if (node.kind === 'scalar') yield node;
  else for (const inner of node.kind === 'list' ? node.items : node.entries.map(({ value }) => value)) yield* scalarsOf(inner);
}
