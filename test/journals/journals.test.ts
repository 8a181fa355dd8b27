import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { JournalEntry } from '../../src/runs/journal-entry.ts';
import { readRecording, recordedFlow } from '../../src/runs/repair/recording-file.ts';
import { replayRun } from '../../src/runs/repair/replay.ts';
import { record, recordings } from './recordings.ts';

const FOLDER = import.meta.dirname;
const fileOf = (name: string) => join(FOLDER, `${name}.json`);

if (process.env['RECORD_JOURNALS'] === '1') {
  for (const recording of recordings)
    if (!existsSync(fileOf(recording.name))) writeFileSync(fileOf(recording.name), `${JSON.stringify(await record(recording), null, 2)}\n`);
}

const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
const read = (file: string): unknown => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));

describe('a journal of a released version is computed again without a difference', () => {
  test.each(files)('%s', async (file) => {
    const recording = readRecording(read(file));
    const { differences, steps } = await replayRun(recordedFlow(recording), recording);
    expect(differences).toEqual([]);
    expect(steps).toBeGreaterThan(0);
  });

  test.each(files)('%s: also wherever the run was when it was updated', async (file) => {
    const recording = readRecording(read(file));
    const flow = recordedFlow(recording);
    for (let length = 1; length < recording.entries.length; length += 1) {
      const { differences } = await replayRun(flow, { ...recording, entries: recording.entries.slice(0, length) });
      expect({ length, differences }).toEqual({ length, differences: [] });
    }
  });
});

test('every recording has its file, and every kind of journal entry occurs in one', () => {
  expect(recordings.filter(({ name }) => !existsSync(fileOf(name))).map(({ name }) => name)).toEqual([]);
  const kinds = new Set(files.flatMap((file) => readRecording(read(file)).entries.map(({ kind }) => kind)));
  const missing = Object.entries(KINDS).filter(([kind, why]) => why === 'recorded' && !kinds.has(kind as JournalEntry['kind'])); // its keys
  expect(missing).toEqual([]);
});

test('a journal that was changed by a hair is noticed', async () => {
  const recording = readRecording(read('straight.json'));
  const text = JSON.stringify(recording.entries).replace('Dear kim', 'Dear Kim');
  const { differences } = await replayRun(recordedFlow(recording), { ...recording, entries: JSON.parse(text) as typeof recording.entries });
  expect(differences).toMatchObject([{ step: '1', what: 'set' }]);
});

/** A new kind does not compile until it is here, and is missed until a recording has it or a reason says why none does. */
const KINDS: Readonly<Record<JournalEntry['kind'], 'recorded' | { readonly not: string }>> = {
  intent: 'recorded',
  answer: 'recorded',
  ask: 'recorded',
  sleep: 'recorded',
  woke: 'recorded',
  attention: 'recorded',
  resolved: 'recorded',
  edited: 'recorded',
  skipped: 'recorded',
  read: 'recorded',
  set: 'recorded',
  skip: 'recorded',
  chose: 'recorded',
  emit: 'recorded',
  stopped: 'recorded',
  left: 'recorded',
  round: 'recorded',
  list: 'recorded',
  deadline: 'recorded',
  'timed-out': 'recorded',
  done: 'recorded',
  undone: 'recorded',
  'undo-failed': 'recorded',
  cancel: 'recorded',
  retry: 'recorded',
  moved: 'recorded',
  end: 'recorded',
  listen: 'recorded',
  heard: 'recorded',
  asked: 'recorded',
  answered: 'recorded',
  child: 'recorded',
  'child-ended': 'recorded',
  parked: { not: 'the engine in memory has no guards; src/guards tests it on PostgreSQL' },
  settled: { not: 'as parked' },
  resumed: { not: 'a replay leaves it out: nothing of the flow is in it' },
  aside: { not: 'as resumed' },
  unstartable: { not: 'such a run has no step' },
};
