/** The steps of a flow with the list in which each stands. */
import { innerSteps, type FlowSyntax, type StepSyntax } from '../syntax.ts';
import { stepProperties, type Properties } from './properties.ts';

export interface StepNode {
  readonly step: StepSyntax;
  /** How people call it: its id, its name, or what it does. */
  readonly label: string;
  readonly properties: Properties;
  /** The step around it; absent at the top. */
  readonly parent: StepNode | undefined;
  /** Which list of the parent or of the flow: `steps`, `then`, `on-failure`. */
  readonly branch: string;
}

/** Every step, outer before inner, in the order of the file. */
export function stepNodes(flow: Pick<FlowSyntax, 'steps' | 'onFailure'>): readonly StepNode[] {
  const found: StepNode[] = [];
  walk(flow.steps, 'steps', undefined, found);
  walk(flow.onFailure, 'on-failure', undefined, found);
  return found;
}

function walk(steps: readonly StepSyntax[], branch: string, parent: StepNode | undefined, found: StepNode[]): void {
  for (const step of steps) {
    const node: StepNode = { step, label: labelOf(step), properties: stepProperties(step), parent, branch };
    found.push(node);
    for (const inner of innerSteps(step)) walk(inner.steps, inner.branch, node, found);
  }
}

function labelOf(step: StepSyntax): string {
  const given = step.id?.text ?? step.name?.text;
  if (given !== undefined) return given;
  switch (step.verb) {
    case 'do':
      return step.action.text;
    case 'wait':
      return `wait ${step.duration?.text ?? step.until?.text ?? ''}`.trim();
    case 'wait-for':
      return `wait-for ${step.events.map(({ text }) => text).join(', ')}`;
    case 'then':
      return `if ${step.if?.text ?? `not ${step.unless?.text ?? ''}`}`;
    case 'run':
      return `run ${step.flow.text}`;
    case 'emit':
      return `emit ${step.event.text}`;
    case 'for-each':
      return `for-each ${step.list.text}`;
    default:
      return step.verb;
  }
}
