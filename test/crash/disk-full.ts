/**
 * A disk that runs full under load, and gets room again: nothing accepted is lost, and nobody has to do anything but free space.
 *
 *   npm run build && sudo node test/crash/disk-full.ts [--size 900m]
 *
 * Mounts a file system in memory for the data directory, so it needs root and is not part of the tests.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startKassaflow } from '../perf/kassaflow.ts';
import { emptySent, saturate, type Sent } from '../perf/load.ts';
import { Sink } from '../perf/sink.ts';

const { values: options } = parseArgs({ options: { size: { type: 'string', default: '900m' } } });
const MIB = 1_024 ** 2;
const EVENTS = 1_000;

const mount = mkdtempSync(join(tmpdir(), 'disk-'));
execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${options.size},mode=1777`, 'tmpfs', mount]);
process.env['TMPDIR'] = mount;
const sink = await Sink.start();
const system = await startKassaflow(sink.port);
const ballast = join(mount, 'ballast');
const sent = emptySent();
try {
  await send(1, sent);
  expect('all are accepted while there is room', sent.refused.length === 0);
  await pause(2_500);

  writeFileSync(ballast, Buffer.alloc(Math.max(0, free() - 60 * MIB)));
  await pause(1_500);
  const refused = emptySent();
  await send(EVENTS + 1, refused);
  expect('all are refused when it is full', refused.refused.length === EVENTS);
  expect(
    'with 503 and storage-full',
    refused.refused.every((answer) => answer.includes(' 503 ') && answer.includes('storage-full')),
  );
  expect('the reserve was given up', free() > 60 * MIB);

  rmSync(ballast);
  await pause(2_500);
  const again = emptySent();
  await send(EVENTS + 1, again);
  expect('the same events are accepted when there is room again', again.refused.length === 0);

  // Filled up within one look of the guard: PostgreSQL itself meets the end of the disk.
  const during = emptySent();
  const sending = send(2 * EVENTS + 1, during, 20_000);
  await pause(300);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, free() - MIB)));
  await pause(6_000);
  rmSync(ballast);
  await sending;
  const lost = during.refused.filter((answer) => !/ (503|429) /.test(answer));
  expect(`the others are told to come back (${during.refused.length} of 20000)`, lost.length === 0);
  await eventually(async () => (await system.unfinished()) === 0);
  const accepted = 2 * EVENTS + 20_000 - during.refused.length;
  const { events, completed, others } = await outcome();
  expect(`every accepted event is there (${events})`, events >= accepted);
  expect('every run is completed, one for each event', completed === events && others === 0);
  expect('each made each call once or, where the answer was lost, again', sink.postings >= completed);
} finally {
  await system.stop();
  sink.close();
  execFileSync('umount', [mount]);
  rmSync(mount, { recursive: true });
}

async function send(first: number, into: Sent, count = EVENTS): Promise<void> {
  await saturate(system.target, first, count, 16, into, () => true);
}

async function outcome(): Promise<{ events: number; completed: number; others: number }> {
  const client = new pg.Client(system.database);
  await client.connect();
  const { rows } = await client.query<{ events: number; completed: number; others: number }>(
    `select (select count(*)::int from event where type = 'custom.payment-received') as events,
       count(*) filter (where status = 'completed')::int as completed, count(*) filter (where status <> 'completed')::int as others from run`,
  );
  await client.end();
  return rows[0] ?? { events: 0, completed: 0, others: 0 };
}

function free(): number {
  const { bavail, bsize } = statfsSync(mount);
  return bavail * bsize;
}

function expect(what: string, holds: boolean): void {
  process.stdout.write(`${holds ? 'ok     ' : 'problem'}  ${what}\n`);
  if (!holds) process.exitCode = 1;
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await pause(100);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
