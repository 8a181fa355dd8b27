/** A script of things that go wrong, so that a test or a person can see what the other side makes of them. */

/**
 * What goes wrong with one request or one delivery:
 * - `drop`: the connection closes before anything happened.
 * - `429`, `500-before`: refused before anything happened.
 * - `500-after`, `reset-after`: it happened, and the answer is an error or a closed connection.
 * - `delay`: it happened, and the answer comes `delayMs` late.
 * - `duplicate`, `reorder`: for webhooks: sent twice, or after the next one.
 */
export type FaultAction = (typeof FAULT_ACTIONS)[number];

const FAULT_ACTIONS = ['drop', 'delay', '500-before', '500-after', '429', 'reset-after', 'duplicate', 'reorder'] as const;

export interface Fault {
  /** Part of the operation's name: `POST /v1/payments`, or `webhook payment.paid`. */
  readonly match: string;
  /** How many times it strikes; default once. */
  readonly times?: number;
  readonly action: FaultAction;
  /** With `delay`; default two seconds. */
  readonly delayMs?: number;
}

/** The faults still to come, in the order in which they were added. */
export class FaultScript {
  #faults: { fault: Fault; left: number }[] = [];

  add(...faults: readonly Fault[]): void {
    for (const fault of faults) this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#faults = [];
  }

  /** Takes the next fault that is meant for `operation`, if there is one. */
  take(operation: string): Fault | undefined {
    const found = this.#faults.find(({ fault, left }) => left > 0 && operation.includes(fault.match));
    if (!found) return undefined;
    found.left -= 1;
    return found.fault;
  }
}

/** Reads a script as it came over HTTP: a list of faults; `undefined` when it is anything else. */
export function readFaults(value: unknown): readonly Fault[] | undefined {
  return Array.isArray(value) && value.every(isFault) ? value : undefined;
}

function isFault(value: unknown): value is Fault {
  if (typeof value !== 'object' || value === null) return false;
  const { match, action, times, delayMs } = value as Record<string, unknown>;
  return typeof match === 'string' && FAULT_ACTIONS.some((known) => known === action) && isOptionalCount(times) && isOptionalCount(delayMs);
}

function isOptionalCount(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 0);
}
