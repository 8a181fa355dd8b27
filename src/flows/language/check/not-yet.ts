/** What the language has and the engine does not run yet: read and checked, and refused when somebody publishes it. */
import type { Diagnostics, Span } from '../diagnostic.ts';
import { allSteps, type FlowSyntax, type StepSyntax, type Verb } from '../syntax.ts';

const LATER = new Set<Verb>(['wait-for', 'repeat', 'for-each', 'ask', 'run']);

export function checkRunnable(flow: FlowSyntax, diagnostics: Diagnostics): void {
  const later = (span: Span, what: string, help?: string) => diagnostics.report('flow.not-yet', span, { what }, help);
  for (const trigger of flow.triggers) {
    if (trigger.kind === 'schedule' || trigger.kind === 'cron')
      later(trigger.schedule.span, `A flow that starts by ${trigger.kind}`, 'start it by an event or by hand for now');
    if (trigger.kind === 'plugin') later(trigger.trigger.span, 'A trigger of a plugin', 'start it by an event for now');
  }
  for (const { event } of flow.stopOn) later(event.span, 'stop-on');
  const running = flow.ifRunning;
  if (running && (running.text === 'queue' || running.text === 'replace'))
    later(running.span, `if-running: ${running.text}`, 'use skip or parallel for now');
  for (const step of [...allSteps(flow.steps), ...allSteps(flow.onFailure)]) checkStep(step, later);
}

function checkStep(step: StepSyntax, later: (span: Span, what: string) => void): void {
  if (LATER.has(step.verb)) later(step.verbSpan, `"${step.verb}"`);
  const [first] = step.undo ?? [];
  if (first) later(first.verbSpan, '"undo"');
}
