/**
 * Reads the current state of subjects for many runs at once: what is asked for in one turn of the event loop goes to the
 * module that owns the subject as one question per tenant and subject.
 */
import { isKassaflowError } from '../kernel/errors.ts';
import type { SubjectName } from '../events/catalogue/subjects.ts';
import type { SubjectReaders } from '../events/subject-readers.ts';
import type { RunFacts } from './run.ts';
import { waitOut } from './wait-out.ts';

interface Question {
  readonly ids: Set<string>;
  readonly answer: Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;
}

const MOST_IDS = 500;

export class SubjectBatch {
  #open = new Map<string, Question>();

  constructor(private readonly readers: SubjectReaders) {}

  /** Subjects that the event does not name, that nobody can read or that no longer exist are absent. Waits out a database that is away. */
  async read(facts: RunFacts, names: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const found: Record<string, unknown> = {};
    await Promise.all(
      names.map(async (name) => {
        const id = idIn(facts, name);
        const subject = id === undefined ? undefined : await this.#one(facts.tenantId, name as SubjectName, id); // the checker knows the names
        if (subject) found[name] = subject;
      }),
    );
    return Object.fromEntries(names.filter((name) => name in found).map((name) => [name, found[name]]));
  }

  async #one(tenantId: string, subject: SubjectName, id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      return (await waitOut(() => this.#ask(tenantId, subject, id))).get(id);
    } catch (error) {
      if (isKassaflowError(error, 'subject.unavailable')) return undefined;
      throw error;
    }
  }

  #ask(tenantId: string, subject: SubjectName, id: string): Question['answer'] {
    const key = `${tenantId} ${subject}`;
    let question = this.#open.get(key);
    if (!question || question.ids.size >= MOST_IDS) {
      const ids = new Set<string>();
      question = { ids, answer: this.#later(key, () => this.readers.read(subject, tenantId, [...ids])) };
      this.#open.set(key, question);
    }
    question.ids.add(id);
    return question.answer;
  }

  async #later<T>(key: string, ask: () => Promise<T>): Promise<T> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#open.delete(key);
    return ask();
  }
}

function idIn({ event }: RunFacts, name: string): string | undefined {
  const subject = event?.data[name];
  return typeof subject === 'object' && subject !== null && 'id' in subject && typeof subject.id === 'string' ? subject.id : undefined;
}
