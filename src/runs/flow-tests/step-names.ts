/**
 * From what a run did back to the file: which step of the flow a path of the journal belongs to, and by which name a test calls it.
 *
 * Inside loops a path has the round or the place in the list: `0.repeat.2.then.0` is the step `0.repeat.then.0`. The step that
 * the author wrote is found by leaving that segment out.
 */
import type { CompiledFlow, CompiledStep } from '../../flows/language/compiled-flow.ts';
import { staticPath } from '../repair/static-path.ts';

/** The lists of steps directly inside `step`. */
export function listsInside(step: CompiledStep): readonly (readonly CompiledStep[])[] {
  const own = (() => {
    switch (step.verb) {
      case 'branch':
        return [step.then, step.else];
      case 'choose':
        return step.branches.map(({ then }) => then);
      case 'parallel':
        return Object.values(step.branches);
      case 'repeat':
        return [step.steps, step.otherwise];
      case 'for-each':
        return [step.steps];
      case 'wait-for':
      case 'ask':
        return [step.onTimeout];
      default:
        return [];
    }
  })();
  return [...own, ...(typeof step.onFailure === 'string' ? [] : [step.onFailure]), ...(step.undo ? [step.undo] : [])];
}

/** Every step of a flow, outer before inner. */
export function* stepsOf({ steps, onFailure }: CompiledFlow): Generator<CompiledStep> {
  yield* within(steps);
  yield* within(onFailure);
}

/** The name by which tests call a step: its id, else its action or the flow that it runs. */
export function nameOf(step: CompiledStep): string {
  return step.id ?? (step.verb === 'do' ? step.action : step.verb === 'run' ? step.flow : step.title);
}

/** The steps of a flow, found by the paths of a journal. */
export class StepsByPath {
  readonly #byPath: ReadonlyMap<string, CompiledStep>;

  constructor(flow: CompiledFlow) {
    this.#byPath = new Map([...stepsOf(flow)].map((step) => [step.path, step]));
  }

  at(path: string): CompiledStep | undefined {
    return this.#byPath.get(path) ?? this.#byPath.get(staticPath(path));
  }
}

function* within(steps: readonly CompiledStep[]): Generator<CompiledStep> {
  for (const step of steps) {
    yield step;
    for (const list of listsInside(step)) yield* within(list);
  }
}
