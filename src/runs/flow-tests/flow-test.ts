/**
 * A test of a flow file, read: what is given, how actions answer, what happens while the run goes on, and what is expected.
 *
 * A test runs on the real interpreter with a clock that jumps from one moment to the next. Nothing leaves the process:
 * actions answer as the test says, or else plausibly by what they declare; subjects live in a simulated domain that
 * changes with the events and actions of the test. `docs/flow-tests.md` is the author's view of it.
 */
import type { Duration } from '../../kernel/duration.ts';
import type { FailureReason } from '@kassaflow/plugin-sdk';
import type { Place } from '../../flows/language/compiled-flow.ts';

export type Data = Readonly<Record<string, unknown>>;

/** Something of the file, with its place in it. */
export interface Located<T> {
  readonly value: T;
  readonly place: Place;
}

/** What starts the run: an event, which may be a slot of a schedule. `at` is the moment; the usual one is a Monday at 10:00. */
export type Given = { readonly at: Date } & (
  { readonly kind: 'event'; readonly type: string; readonly data: Data } | { readonly kind: 'manual'; readonly inputs: Data }
);

/** How an action answers. `times`: so often, and then the next one; absent: from now on, when it is the last. */
export type MockAnswer = { readonly times?: number } & (
  | { readonly kind: 'ok'; readonly value: Data }
  | { readonly kind: 'declined'; readonly code: string; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly message: string; readonly retryAfterMs?: number }
  /** `done`: the effect happened although nobody was told, which a lookup finds. */
  | { readonly kind: 'unknown'; readonly message: string; readonly done: boolean }
);

/** By the id of a step, or the name of an action or sub-flow. */
export type Mocks = ReadonlyMap<string, readonly MockAnswer[]>;

/** When something happens: so long after what happened before it, or at a moment. */
export type When = { readonly after: readonly Duration[] } | { readonly at: (before: Date) => Date };

/** Something that happens while the run goes on. */
export type Move = { readonly when: When; readonly place: Place } & (
  | { readonly kind: 'event'; readonly type: string; readonly sample: Data | undefined; readonly data: Data }
  /** `step` is the id of the question; absent when only one is open. */
  | { readonly kind: 'answer'; readonly step: string | undefined; readonly choice: string; readonly by: string; readonly note: string }
);

export const EXPECTED_STATUSES = ['completed', 'stopped', 'failed', 'cancelled', 'not-started', 'waiting', 'attention'] as const;
export type ExpectedStatus = (typeof EXPECTED_STATUSES)[number];

export interface Expected {
  readonly status?: Located<ExpectedStatus>;
  readonly reason?: Located<string>;
  readonly steps?: Located<readonly Located<string>[]>;
  readonly never: readonly Located<string>[];
  /** In order: `3d + 2h` is three days and then two hours. */
  readonly took?: Located<readonly Duration[]> & { readonly text: string };
  readonly with: readonly ExpectedInput[];
}

/** Inputs of the calls of one step: one for all of them, or one for each in order. */
export interface ExpectedInput {
  readonly step: Located<string>;
  readonly each: boolean;
  readonly inputs: readonly Located<Data>[];
}

export interface FlowTest {
  readonly name: string;
  readonly place: Place;
  readonly given: Given;
  readonly mocks: Mocks;
  readonly moves: readonly Move[];
  readonly expected: Expected;
}

/** Something about a test that does not hold, or keeps it from being run. */
export interface Problem {
  readonly message: string;
  readonly place: Place;
  /** What to write instead, or more lines that explain it. */
  readonly help?: readonly string[];
}
