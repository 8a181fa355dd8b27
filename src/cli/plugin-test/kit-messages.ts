/** What the process that runs the kit for one plugin tells the command that started it, over the IPC channel. */
import type { ConformanceReport, TestResult } from '@kassaflow/plugin-sdk/testing';

/** A test that is under way, and how long it may take by the kit's own watch. */
export interface StartedTest extends Pick<TestResult, 'id' | 'group' | 'title'> {
  readonly withinMs: number;
}

export type KitMessage =
  | { readonly t: 'starting'; readonly test: StartedTest }
  | { readonly t: 'finished'; readonly result: TestResult }
  | { readonly t: 'report'; readonly report: ConformanceReport }
  | { readonly t: 'broken'; readonly problem: string };
