/** What the process that runs the kit for one plugin tells the command that started it, over the IPC channel. */
import type { ConformanceReport, TestResult } from '@kassaflow/plugin-sdk/testing';

export type KitMessage =
  | { readonly t: 'starting'; readonly test: Pick<TestResult, 'id' | 'group' | 'title'> }
  | { readonly t: 'finished'; readonly result: TestResult }
  | { readonly t: 'report'; readonly report: ConformanceReport }
  | { readonly t: 'broken'; readonly problem: string };
