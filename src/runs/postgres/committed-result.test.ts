import { expect, test } from '@jest/globals';
import type pg from 'pg';
import { flow } from '../conformance/flow-builder.ts';
import { LiveRun, type Checkpoint, type RunHost } from '../live-run.ts';
import { committedResult } from './committed-result.ts';

const facts = (id: string) => ({ id, tenantId: 't', flowId: 'f', revision: 1 });
// Nothing is asked of the host before the run begins.
const run = (id: string) => new LiveRun(facts(id), flow([]), { settings: {} } as RunHost);
const left = { row: { status: 'completed', reason: undefined, leaves: true, ended: true } } as Checkpoint;

test('of the runs of a flush whose answer was lost, those are its own that are still under its lease, or left memory in it', async () => {
  const [own, ended, turned, queued] = ['own', 'ended', 'turned', 'queued'].map(run);
  if (!own || !ended || !turned || !queued) throw new Error('four were made');
  const rows = [
    { id: 'own', queued: false, epoch: '5' },
    { id: 'ended', queued: false, epoch: '0' },
    // It was queued, and another process gave it its turn since.
    { id: 'turned', queued: false, epoch: '6' },
    { id: 'queued', queued: true, epoch: '0' },
  ];
  const client = { query: async (text: string) => ({ rows: text.includes('from run ') ? rows : [] }) } as unknown as pg.ClientBase;
  const starts = [{ runs: [own, ended, turned, queued], settle: () => undefined, fail: () => undefined }];
  const batch = { starts, checkpoints: [], answers: [], questions: [], childrenOver: [] };
  const result = await committedResult(client, batch, new Map([[ended, left]]), '5');
  expect(result.started).toEqual(new Set(['own', 'ended']));
  expect(result.queued).toEqual(new Set(['queued']));
});
