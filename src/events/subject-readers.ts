import { defineErrors } from '../kernel/errors.ts';
import type { SubjectName } from './catalogue/subjects.ts';

/** Reads the present state of several subjects of one kind, by wire id; a missing one is absent from the map. */
export type SubjectReader = (tenantId: string, ids: readonly string[]) => Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;

const subjectErrors = defineErrors('subject', {
  unavailable: { status: 500, title: 'Nothing in this system can read this subject', remedy: 'never' },
});

/**
 * Where domain modules offer their state to flows: the engine reads `payment` by name when a step starts and never
 * imports the module that owns it.
 */
export class SubjectReaders {
  readonly #readers = new Map<SubjectName, SubjectReader>();

  offer(subject: SubjectName, reader: SubjectReader): void {
    this.#readers.set(subject, reader);
  }

  /** @throws subject.unavailable when no module has offered this subject */
  read(subject: SubjectName, tenantId: string, ids: readonly string[]): ReturnType<SubjectReader> {
    const reader = this.#readers.get(subject);
    if (!reader) throw subjectErrors.unavailable({ subject });
    return reader(tenantId, ids);
  }
}
