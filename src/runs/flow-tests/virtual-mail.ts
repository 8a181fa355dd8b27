/** What the run of a test waits for from outside, by its checkpoints, and the news that are on their way to it. */
import type { Checkpoint } from '../live-run.ts';
import type { RunEvent } from '../run.ts';
import type { ChildStart, EventInterest, Question, Signal } from '../signals.ts';
import { isRecord } from './typed-value.ts';

/** A signal without the id that the box gives it. */
type News = Signal extends infer S ? (S extends Signal ? Omit<S, 'id'> : never) : never;

export class VirtualMail {
  readonly #interests = new Map<string, EventInterest>();
  readonly #questions = new Map<string, Question>();
  #pending: Signal[] = [];
  #sent = 0;

  /** Takes note of what a checkpoint changes. @returns the runs that it starts */
  note({ interestsSet, interestsGone, questions, questionsGone, children }: Checkpoint): readonly ChildStart[] {
    for (const step of interestsGone) this.#interests.delete(step);
    for (const interest of interestsSet) this.#interests.set(interest.step, interest);
    for (const step of questionsGone) this.#questions.delete(step);
    for (const question of questions) this.#questions.set(question.step, question);
    return children;
  }

  /** Questions that nobody has answered. */
  get questions(): readonly Question[] {
    return [...this.#questions.values()];
  }

  /** Offers an event to every wait that it may be for; the run decides whether it is. */
  offer(event: RunEvent): void {
    for (const { step, events, key, since } of this.#interests.values())
      if (events.includes(event.type) && event.occurredAt.getTime() >= since && hasKey(event.data, key))
        this.send({ step, kind: 'event', event });
  }

  send(news: News): void {
    this.#sent += 1;
    this.#pending.push({ ...news, id: `signal-${this.#sent}` });
  }

  /** What is to be handed over now. */
  take(): readonly Signal[] {
    const pending = this.#pending;
    this.#pending = [];
    return pending;
  }
}

/** Tells whether the payload has the value at the place that `path=value` names. */
function hasKey(data: Readonly<Record<string, unknown>>, key: string | undefined): boolean {
  if (key === undefined) return true;
  const at = key.indexOf('=');
  let found: unknown = data;
  for (const name of key.slice(0, at).split('.')) found = isRecord(found) ? found[name] : undefined;
  return (typeof found === 'string' ? found : JSON.stringify(found)) === key.slice(at + 1);
}
