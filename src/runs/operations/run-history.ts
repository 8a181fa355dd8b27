/** What happened to a run as a whole, and what people did to it, in words, in the order of its journal. */
import type { JournalEntry } from '../journal-entry.ts';

export interface HappeningView {
  readonly at: string | null;
  /** Who did it; null where the run, or its process, did. */
  readonly by: string | null;
  readonly what: string;
  readonly why: string | null;
  readonly step: string | null;
}

/** The last ones, when there are more. */
const MOST = 500;

export function happeningsOf(entries: Iterable<JournalEntry>): readonly HappeningView[] {
  const happenings: HappeningView[] = [];
  for (const entry of entries) {
    const what = sentenceOf(entry);
    if (what === undefined) continue;
    happenings.push({
      at: 'at' in entry ? new Date(entry.at).toISOString() : null,
      by: 'by' in entry && typeof entry.by === 'string' ? entry.by : null,
      what,
      why: 'why' in entry && entry.kind !== 'attention' && entry.why !== undefined ? entry.why : null,
      step: 'step' in entry && entry.step !== undefined && entry.step !== '' ? entry.step : null,
    });
  }
  return happenings.slice(-MOST);
}

function sentenceOf(entry: JournalEntry): string | undefined {
  switch (entry.kind) {
    case 'cancel':
      return entry.undo === true ? 'Cancelled, and what was done taken back' : 'Cancelled';
    case 'retry':
      return 'Retried from the steps that failed';
    case 'moved':
      return `Moved to revision ${entry.revision} of the flow`;
    case 'resolved':
      return { done: 'Said that the step was done', 'not-done': 'Said that the step was not done', fail: 'Gave the step up' }[
        entry.resolution.decision
      ];
    case 'skipped':
      return 'Skipped the step';
    case 'edited':
      return 'Gave the step another input';
    case 'woke':
      return entry.by === undefined ? undefined : 'Ended the wait';
    case 'heard':
      if (entry.step === '') return `${entry.type} came, which ends this run`;
      return entry.by === undefined ? undefined : `Stood in for ${entry.type}`;
    case 'answered':
      return `Answered ${entry.choice}`;
    case 'attention':
      return `A person is needed: ${entry.message}`;
    case 'aside':
      return `Set aside: ${entry.message}`;
    case 'resumed':
      return 'Taken up again after its process had died';
    case 'unstartable':
      return `Could not start: ${entry.reason.message}`;
    case 'timed-out':
      return entry.step === undefined || entry.step === '' ? 'The time of the flow was over' : 'The time of the step was over';
    case 'undone':
      return 'Took the step back';
    case 'undo-failed':
      return `Could not take the step back: ${entry.message}`;
    case 'end':
      return entry.reason ? `Ended as ${entry.status}: ${entry.reason.message}` : `Ended as ${entry.status}`;
    default:
      // What a step does by itself is shown with the step.
      return undefined;
  }
}
