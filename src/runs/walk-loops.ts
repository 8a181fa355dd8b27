/** The verbs `parallel`, `repeat` and `for-each`. */
import { after } from '../kernel/duration.ts';
import type { CompiledStep } from '../flows/language/compiled-flow.ts';
import { planFor } from './read-plan.ts';
import type { Branch } from './run-context.ts';
import { forked, holds, inside, merge, pathOf, scopeOf, stepFailure, type Here, type Values, type WalkSteps } from './walk.ts';

/** Rounds of a `repeat` that names no number, and elements of a `for-each`. */
const MOST_PASSES = 10_000;

export async function walkParallel(here: Here, step: Extract<CompiledStep, { verb: 'parallel' }>, walkSteps: WalkSteps): Promise<void> {
  const before = forked(here.values);
  const branches = Object.values(step.branches).map((steps) => ({ steps, values: forked(before) }));
  try {
    await here.context.parallel(
      pathOf(here, step),
      branches.map(
        ({ steps, values }): Branch =>
          (context) =>
            walkSteps({ ...here, context, values }, steps),
      ),
      step.whenOneFails,
    );
  } finally {
    for (const { values } of branches) merge(here.values, values, before);
  }
}

/**
 * A round has the path `0.repeat.<n>`, from 1. Whether there is another one is asked before each and after the last. Where rounds
 * are apart in time it is asked twice: at once, and when the pause is over.
 */
export async function walkRepeat(here: Here, step: Extract<CompiledStep, { verb: 'repeat' }>, walkSteps: WalkSteps): Promise<void> {
  const path = pathOf(here, step);
  const { flow } = here.setting;
  const rounds = step.times ?? MOST_PASSES;
  let began: Date | undefined;
  for (let round = 1; round <= rounds; round += 1) {
    const at = `${path}.repeat.${round}`;
    here.context.proceed(at);
    if (step.every && began) {
      const { every } = step;
      const due = after(began, every, flow.timeZone);
      if (await isOver(here, step, `${at}.pause`)) return;
      await here.context.sleep(`${at}.pause`, () => due);
    }
    if (await isOver(here, step, at)) return;
    if (step.every) began = await momentOf(here, `${at}.begin`);
    await walkSteps({ ...inside(here, step, 'repeat', round), round }, step.steps);
  }
  if (await isOver(here, step, `${path}.repeat.${rounds + 1}`)) return;
  if (step.times === undefined) throw stepFailure(path, 'flow.too-many-rounds', `The repeat went through ${MOST_PASSES} rounds.`);
  if (step.until) await walkSteps(here, step.otherwise);
}

/** An element has the path `0.for-each.<n>`, from 0. All are gone through, also when one fails. */
export async function walkForEach(
  here: Here,
  step: Extract<CompiledStep, { verb: 'for-each' }>,
  list: unknown,
  walkSteps: WalkSteps,
): Promise<void> {
  const path = pathOf(here, step);
  if (!Array.isArray(list)) throw stepFailure(path, 'flow.not-a-list', 'What the for-each goes through is not a list.');
  if (list.length > MOST_PASSES)
    throw stepFailure(path, 'flow.list-too-long', `The list has ${list.length} elements; ${MOST_PASSES} are the most.`);
  const elements = here.context.list(path, list);
  if (elements.length === 0) return;
  const branches = elements.map((element, index): Branch => {
    const there = inside(here, step, 'for-each', index);
    return (context) =>
      walkSteps(
        { ...there, context, elements: { ...here.elements, [step.as]: element }, values: valuesOfElement(here.values, step.atOnce) },
        step.steps,
      );
  });
  await here.context.parallel(path, branches, 'finish-others', step.atOnce);
}

/** Results of an element's steps are its own. One after the other they hand variables on, so that a sum can be made. */
function valuesOfElement(around: Values, atOnce: number): Values {
  const own = forked(around);
  if (atOnce > 1) return own;
  return {
    steps: own.steps,
    get vars() {
      return around.vars;
    },
    set vars(vars) {
      around.vars = vars;
    },
  };
}

/** Whether `until` holds now. */
async function isOver(here: Here, { until }: Extract<CompiledStep, { verb: 'repeat' }>, path: string): Promise<boolean> {
  if (!until) return false;
  const reads = await here.context.read(path, planFor(until.reads));
  const over = holds(until, scopeOf(here, reads));
  here.context.note({ kind: 'round', step: path, again: !over });
  return over;
}

async function momentOf(here: Here, path: string): Promise<Date> {
  const { now } = await here.context.read(path, { subjects: [], now: true });
  return new Date(now ?? Number.NaN);
}
