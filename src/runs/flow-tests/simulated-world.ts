/**
 * The domain of a test: the payments, invoices, customers, … that its event or inputs name, each in its present state.
 *
 * A flow reads them as it reads the real ones. Of every kind there is a current one, which is what an event of the test
 * is about unless it says otherwise.
 */
import type { IdPrefix } from '../../kernel/ids.ts';
import { subjectSchemas, type SubjectName } from '../../events/catalogue/subjects.ts';
import type { Data } from './flow-test.ts';
import { isRecord } from '../../kernel/record.ts';
import { mergedData } from './typed-value.ts';

const PREFIXES: Readonly<Record<SubjectName, IdPrefix>> = {
  payment: 'pay',
  invoice: 'inv',
  customer: 'cus',
  order: 'ord',
  refund: 'ref',
  receipt: 'rcp',
  subscription: 'sub',
  request: 'req',
};

/** Tells whether `name` is the name of a subject. */
export function isSubject(name: string): name is SubjectName {
  return Object.hasOwn(subjectSchemas, name);
}

export class SimulatedWorld {
  readonly #byId = new Map<string, Data>();
  readonly #current = new Map<SubjectName, string>();
  #made = 0;

  /** Takes over every subject that `payload` carries; they become the current ones. */
  learn(payload: Data): void {
    for (const [name, subject] of Object.entries(payload)) if (isSubject(name) && isRecord(subject)) this.put(name, subject);
  }

  put(name: SubjectName, subject: Data): void {
    const id = String(subject['id']);
    this.#byId.set(keyOf(name, id), subject);
    this.#current.set(name, id);
  }

  /** The one that the test is about now. */
  current(name: SubjectName): Data | undefined {
    const id = this.#current.get(name);
    return id === undefined ? undefined : this.find(name, id);
  }

  find(name: SubjectName, id: string): Data | undefined {
    return this.#byId.get(keyOf(name, id));
  }

  /** Lays `change` over the subject, the current one without an id; nothing happens when there is none. */
  change(name: SubjectName, change: Data, id = this.#current.get(name)): void {
    const subject = id === undefined ? undefined : this.find(name, id);
    if (subject && id !== undefined) this.#byId.set(keyOf(name, id), mergedData(subject, change));
  }

  /** The id of one more thing of this kind: the same in every run of the test. */
  newId(prefix: string): string {
    this.#made += 1;
    return `${prefix}_${String(this.#made).padStart(26, '0')}`;
  }

  /** As {@link newId}, for a subject. */
  newIdOf(name: SubjectName): string {
    return this.newId(PREFIXES[name]);
  }
}

function keyOf(name: SubjectName, id: string): string {
  return `${name}/${id}`;
}
