/** Rules about money and order that no single step breaks. No peer checks these before a flow runs. */
import { approximateMs } from '../../../kernel/duration.ts';
import type { Diagnostics } from '../diagnostic.ts';
import { allSteps, innerSteps, type FlowSyntax, type StepSyntax } from '../syntax.ts';
import type { ActionWord, Vocabulary } from '../vocabulary.ts';

const MOST_CHARGES = 10;

export function checkSense(flow: FlowSyntax, { actions }: Vocabulary, diagnostics: Diagnostics): void {
  const words = new Map(actions.map((action) => [action.name, action]));
  const moving = [...allSteps(flow.steps)].filter((step) => movesMoney(step, words));
  checkLoops(flow.steps, words, diagnostics, false);
  const refund = moving.find((step) => step.verb === 'do' && /\brefund$/.test(step.action.text));
  if (refund?.verb === 'do' && !flow.onePer) diagnostics.report('flow.refund-one-per', refund.action.span);
  const first = flow.onFailure.length === 0 ? unguarded(flow.steps, words) : undefined;
  if (first?.verb === 'do') diagnostics.report('flow.no-on-failure', first.action.span);
  checkMessages(flow.steps, diagnostics);
}

/** The first step that moves money and whose failure no step around it handles. */
function unguarded(steps: readonly StepSyntax[], words: ReadonlyMap<string, ActionWord>): StepSyntax | undefined {
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

function movesMoney(step: StepSyntax, words: ReadonlyMap<string, ActionWord>): boolean {
  return step.verb === 'do' && words.get(step.action.text)?.movesMoney === true;
}

function checkLoops(steps: readonly StepSyntax[], words: ReadonlyMap<string, ActionWord>, diagnostics: Diagnostics, risky: boolean): void {
  for (const step of steps) {
    if (risky && step.verb === 'do' && movesMoney(step, words))
      diagnostics.report('flow.money-loop', step.action.span, { action: step.action.text });
    const unbounded = step.verb === 'repeat' && (step.times?.value ?? MOST_CHARGES + 1) > MOST_CHARGES && !pauses(step);
    for (const inner of innerSteps(step)) checkLoops(inner.steps, words, diagnostics, risky || (unbounded && inner.branch === 'repeat'));
  }
}

function pauses(step: Extract<StepSyntax, { verb: 'repeat' }>): boolean {
  if (step.every?.duration && approximateMs(step.every.duration) > 0) return true;
  return [...allSteps(step.steps)].some(({ verb }) => verb === 'wait' || verb === 'wait-for');
}

/** Within one list: a message to the customer, and after it credits that may fail to arrive. */
function checkMessages(steps: readonly StepSyntax[], diagnostics: Diagnostics): void {
  let message: StepSyntax | undefined;
  for (const step of steps) {
    if (step.verb === 'do' && (step.action.text === 'sms.send' || step.action.text === 'email.send')) message ??= step;
    if (step.verb === 'do' && step.action.text === 'credit.add' && message?.verb === 'do')
      diagnostics.report('flow.message-before-credit', message.action.span, { action: step.action.text });
    for (const inner of innerSteps(step)) if (inner.branch !== 'undo') checkMessages(inner.steps, diagnostics);
  }
}
