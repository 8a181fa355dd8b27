/** What a flush writes about the outside of its runs: the parameter $38 of the statement in queries/flush-news.ts. */
import { idOf } from '../../kernel/ids.ts';
import type { Checkpoint } from '../live-run.ts';
import type { AskedQuestion, ChildOver, FirstCheckpoints, FlushBatch } from './flush-batch.ts';

/** What `event_keys()` of migration 0002 leaves out: longer values, deeper ones, and what is no text, number or truth value. */
const LONGEST_KEY_VALUE = 200;
const DEEPEST_KEY = 3;

/** The parameter, or `undefined` when the batch says nothing about the outside, which is the usual case. */
export function newsParameter(
  { starts, checkpoints, questions, childrenOver }: FlushBatch,
  first: FirstCheckpoints,
  publicUrl: string,
): string | undefined {
  const all = [...checkpoints, ...[...first.values()].filter((checkpoint) => checkpoint !== undefined)];
  const special = all.filter(isNews);
  const started = starts.flatMap(({ runs }) => runs);
  const children = started.filter(({ facts }) => facts.depth !== undefined);
  if (special.length === 0 && childrenOver.length === 0 && children.length === 0 && !started.some((run) => run.takesTurns))
    return undefined;
  return JSON.stringify({
    waitsSet: special.flatMap(waitRows),
    waitsGone: special.flatMap(({ run: { facts }, interestsGone }) => interestsGone.map((step) => ({ run_id: facts.id, step }))),
    signalsTaken: special.flatMap(({ signalsTaken }) => signalsTaken),
    childrenOver: [...childrenOver, ...special.flatMap(ended)].map(signalRow),
    questions: questions.map((question) => questionRow(question, publicUrl)),
    questionsGone: special.flatMap(({ run: { facts }, questionsGone }) => questionsGone.map((step) => ({ run_id: facts.id, step }))),
    queueGone: special.flatMap(({ run, row }) => (row?.ended && run.takesTurns ? [run.facts.id] : [])),
    moved: special.flatMap(({ run: { facts }, revision }) => (revision === undefined ? [] : [{ id: facts.id, revision }])),
    parents: children.map(({ facts: { id, parent, depth, chain } }) => ({
      id,
      parent_run: parent?.run,
      parent_step: parent?.step,
      depth,
      chain,
    })),
  });
}

function isNews({ run, row, ...checkpoint }: Checkpoint): boolean {
  return (
    checkpoint.interestsSet.length > 0 ||
    checkpoint.interestsGone.length > 0 ||
    checkpoint.signalsTaken.length > 0 ||
    checkpoint.questions.length > 0 ||
    checkpoint.questionsGone.length > 0 ||
    checkpoint.revision !== undefined ||
    (row?.ended === true && (run.facts.parent !== undefined || run.takesTurns))
  );
}

function waitRows({ run: { facts }, interestsSet }: Checkpoint): object[] {
  return interestsSet.flatMap(({ step, events, key, since }) =>
    events.map((event_type) => ({ tenant_id: facts.tenantId, event_type, key: findableKey(key), run_id: facts.id, step, since })),
  );
}

/** The key by which the wait is stored; empty, which offers it every event of its type, when `event_keys()` has no such key. */
export function findableKey(key: string | undefined): string {
  if (key === undefined) return '';
  const sign = key.indexOf('=');
  const [path, value] = [key.slice(0, sign), key.slice(sign + 1)];
  const isFindable = path.split('.').length <= DEEPEST_KEY && value.length <= LONGEST_KEY_VALUE && !/^(?:[[{]|null$)/.test(value);
  return isFindable ? key : '';
}

function ended({ run, row }: Checkpoint): ChildOver[] {
  const { facts, finalStatus: status } = run;
  if (!row?.ended || !facts.parent || !status) return [];
  return [{ tenantId: facts.tenantId, parent: facts.parent, child: facts.id, status, message: row.reason?.message ?? '', of: run }];
}

function signalRow({ tenantId, parent, child, status, message }: ChildOver): object {
  return { tenant_id: tenantId, run_id: parent.run, step: parent.step, source: child, detail: { status, message } };
}

function questionRow({ id, run: { facts }, question }: AskedQuestion, publicUrl: string): object {
  const { step, text, who, choices, until } = question;
  const link = `${publicUrl}/runs/${idOf('run', facts.id)}`;
  // A step asks again when its run had ended, which takes the question back, and is retried: that is another task.
  return { id, tenant_id: facts.tenantId, key: `ask/${facts.id}/${step}/${id}`, who, text, link, run_id: facts.id, step, choices, until };
}
