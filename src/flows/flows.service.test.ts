import { mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { testDatabase, type TestDatabase } from '../../test/support/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { ActionDoor } from '../plugin-host/action-call.ts';
import { Audit } from '../platform/tenancy/audit.ts';
import { FlowVocabulary } from './flow-vocabulary.ts';
import { FlowsDirectory } from './flows-directory.ts';
import { Flows } from './flows.service.ts';
import { PublishTests } from './publish-tests.ts';
import { PublishedFlows } from './published-flows.ts';
import { fullVocabulary } from './test/full-vocabulary.ts';
import { TriggerIndex } from './trigger-index.ts';

const text = (name: string, reason = 'done') => `kassaflow: 1\nflow: ${name}\non: payment.completed\nsteps:\n  - stop: ${reason}\n`;

const runs = (name: string, other: string, input = '') =>
  `kassaflow: 1\nflow: ${name}\non: payment.completed\nsteps:\n  - run: ${other}\n${input === '' ? '' : `    with: { ${input} }\n`}`;
const byHand = (name: string, inputs = '{}', step = 'stop: done') =>
  `kassaflow: 1\nflow: ${name}\non: { manual: { inputs: ${inputs} } }\nsteps:\n  - ${step}\n`;

/** A process of its own: its index, its memory. */
function processOn(db: TestDatabase) {
  const door = { manifests: () => fullVocabulary.actions } as unknown as ActionDoor; // only its list of actions is asked for
  const index = new TriggerIndex();
  const vocabulary = new FlowVocabulary(door);
  const published = new PublishedFlows(db.enginePool, index, vocabulary, systemClock);
  const flows = new Flows(db.database, vocabulary, published, new Audit(), systemClock, new PublishTests());
  return {
    index,
    published,
    flows,
    matches: (tenantId = db.tenantId) =>
      index.match({ tenantId, type: 'payment.completed', data: {} }).map(({ flow, revision }) => `${flow.name} ${revision}`),
  };
}

let db: TestDatabase;
let here: ReturnType<typeof processOn>;

Logger.overrideLogger(false);

beforeAll(async () => {
  db = await testDatabase();
}, 30_000);
afterAll(() => db.close());
beforeEach(() => {
  here = processOn(db);
});

describe('publishing a flow that runs another', () => {
  const publish = (source: string) => here.flows.publish(db.tenantId, { source, by: 'test' });
  const problems = (source: string) =>
    here.flows.check(db.tenantId, source).then((diagnostics) => diagnostics.map(({ code, help }) => `${code}: ${help}`));

  test('finds names that no published flow has', async () => {
    await publish(byHand('collect-debt'));
    expect(await problems(runs('run-a', 'colect-debt'))).toEqual(['flow.unknown-flow: did you mean collect-debt?']);
    await expect(publish(runs('run-a', 'colect-debt'))).rejects.toThrow(expect.objectContaining({ code: 'flow.invalid' }));
    expect(await publish(runs('run-a', 'collect-debt'))).toMatchObject({ revision: 1 });
  });

  test('finds circles through flows that are published', async () => {
    await publish(byHand('round-c'));
    await publish(byHand('round-b', '{}', 'run: round-c'));
    await publish(byHand('round-a', '{}', 'run: round-b'));
    expect(await problems(byHand('round-c', '{}', 'run: round-a'))).toEqual(['flow.cycle: remove one of the calls']);
  });

  test('holds the inputs against what the other flow takes, also when its revision is from before that was stored', async () => {
    await publish(byHand('takes', '{ phone: { type: phone }, note: { type: text, optional: true } }'));
    await publish(text('takes-nothing'));
    const expected = ['flow.missing-input: add  with: { phone: … }', 'flow.unknown-input: did you mean phone?'];
    expect(await problems(runs('run-b', 'takes', 'phnoe: "+31612345678"'))).toEqual(expected);
    expect(await problems(runs('run-b', 'takes', 'phone: "+31612345678"'))).toEqual([]);
    expect(await problems(runs('run-b', 'takes-nothing'))).toEqual([expect.stringMatching(/^flow\.not-callable/)]);
    // Revisions are append-only: the same text once more, as the version before stored it.
    await db.ownerPool.query(`
      with old as (
        insert into flow_revision (flow_id, revision, tenant_id, source, hash, published_at, published_by)
        select r.flow_id, r.revision + 1, r.tenant_id, r.source, r.hash, r.published_at, r.published_by
        from flow f join flow_revision r on r.flow_id = f.id where f.name = 'takes' returning flow_id
      ) update flow set revision = revision + 1 from old where id = flow_id`);
    expect(await problems(runs('run-b', 'takes', 'phnoe: "+31612345678"'))).toEqual(expected);
  });
});

describe('publishing', () => {
  test('makes a revision that starts runs at once, and the same text is the same revision', async () => {
    const first = await here.flows.publish(db.tenantId, { source: text('publish-a'), by: 'test' });
    expect([first.revision, first.changed]).toEqual([1, true]);
    expect(here.matches()).toContain('publish-a 1');
    expect(await here.flows.publish(db.tenantId, { source: text('publish-a'), by: 'test' })).toMatchObject({ revision: 1, changed: false });
    expect(await here.flows.publish(db.tenantId, { source: text('publish-a', 'other'), by: 'test' })).toMatchObject({
      revision: 2,
      changed: true,
    });
    expect(here.matches()).toContain('publish-a 2');
  });

  test('a text with mistakes is refused with all of them, and nothing is stored', async () => {
    const source = text('publish-bad').replace('payment.completed', 'payment.compleated').replace('stop', 'stopp');
    await expect(here.flows.publish(db.tenantId, { source, by: 'test' })).rejects.toMatchObject({
      code: 'flow.invalid',
      problems: [
        expect.objectContaining({ code: 'flow.unknown-event', help: 'did you mean payment.completed?' }),
        expect.objectContaining({ code: 'flow.unknown-key' }),
      ],
    });
    await expect(here.flows.revision(db.tenantId, 'publish-bad')).rejects.toMatchObject({ code: 'flow.not-found' });
  });

  test("somebody else's change is not overwritten", async () => {
    const { hash } = await here.flows.publish(db.tenantId, { source: text('publish-b'), by: 'test', expected: null });
    await here.flows.publish(db.tenantId, { source: text('publish-b', 'theirs'), by: 'other', expected: hash });
    await expect(here.flows.publish(db.tenantId, { source: text('publish-b', 'mine'), by: 'test', expected: hash })).rejects.toMatchObject({
      code: 'flow.changed',
    });
    await expect(here.flows.publish(db.tenantId, { source: text('publish-b', 'mine'), by: 'test', expected: null })).rejects.toMatchObject({
      code: 'flow.changed',
    });
    expect((await here.flows.revision(db.tenantId, 'publish-b')).source).toContain('theirs');
  });

  test('two publications at once become two revisions in line', async () => {
    await Promise.all(['x', 'y'].map((reason) => here.flows.publish(db.tenantId, { source: text('publish-c', reason), by: 'test' })));
    expect((await here.flows.revision(db.tenantId, 'publish-c')).revision).toBe(2);
  });

  test('C37: a run stays on its revision, and an old text can be published again', async () => {
    const first = await here.flows.publish(db.tenantId, { source: text('publish-d', 'old'), by: 'test' });
    await here.flows.publish(db.tenantId, { source: text('publish-d', 'new'), by: 'test' });
    const other = processOn(db);
    expect(other.published.cached(first.id, 1)).toBeUndefined();
    const old = await other.published.compiled(first.id, 1);
    expect(old.steps[0]?.verb === 'stop' && old.steps[0].reason.evaluate({})).toBe('old');
    expect(other.published.cached(first.id, 1)).toBe(old);
    expect(await here.flows.rollback(db.tenantId, 'publish-d', 1, 'test')).toMatchObject({ revision: 3 });
    expect((await here.flows.revision(db.tenantId, 'publish-d')).source).toBe(text('publish-d', 'old'));
  });

  test('a disabled flow starts nothing, in every process', async () => {
    const other = processOn(db);
    await here.flows.publish(db.tenantId, { source: text('publish-e'), by: 'test' });
    await other.published.refresh();
    expect(other.matches()).toContain('publish-e 1');
    await here.flows.setEnabled(db.tenantId, 'publish-e', false, 'test');
    await other.published.refresh();
    for (const process of [here, other]) expect(process.matches()).not.toContain('publish-e 1');
    await expect(here.published.find(db.tenantId, 'publish-e')).rejects.toMatchObject({ code: 'flow.disabled' });
    await here.flows.setEnabled(db.tenantId, 'publish-e', true, 'test');
    expect((await here.published.find(db.tenantId, 'publish-e')).revision).toBe(1);
  });

  test("tenants do not see each other's flows", async () => {
    const stranger = await db.addTenant('stranger');
    await here.flows.publish(stranger, { source: text('publish-f'), by: 'test' });
    expect(here.matches()).not.toContain('publish-f 1');
    await expect(here.flows.revision(db.tenantId, 'publish-f')).rejects.toMatchObject({ code: 'flow.not-found' });
    expect((await here.flows.list(stranger, 10)).map(({ name }) => name)).toEqual(['publish-f']);
  });
});

describe('flows as files', () => {
  let folder: string;
  let directory: FlowsDirectory;
  let tenantId: string;
  const write = (name: string, source: string) => writeFile(path.join(folder, name), source);

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'flows-'));
    tenantId = await db.addTenant(
      `files-${path
        .basename(folder)
        .slice(-6)
        .toLowerCase()
        .replace(/[^a-z0-9]/g, '0')}`,
    );
    directory = new FlowsDirectory(here.flows);
  });
  afterEach(async () => {
    await directory.onApplicationShutdown();
    await rm(folder, { recursive: true });
  });

  test('are published when the folder is followed, and again when they change', async () => {
    await write('from-file.yaml', text('from-file'));
    expect(await directory.follow(tenantId, folder)).toEqual([]);
    expect(here.matches(tenantId)).toEqual(['from-file 1']);
    await write('from-file.yaml', text('from-file', 'changed-text'));
    await directory.look();
    expect(here.matches(tenantId)).toEqual(['from-file 2']);
  });

  test('a file with mistakes leaves the revision before it in force', async () => {
    await write('from-file.yaml', text('from-file'));
    await directory.follow(tenantId, folder);
    await write('from-file.yaml', `${text('from-file')}  - nonsense: 1\n`);
    await directory.look();
    expect(directory.refused).toMatchObject([{ code: 'flow.invalid', file: expect.stringMatching(/from-file\.yaml$/) }]);
    expect(here.matches(tenantId)).toEqual(['from-file 1']);
    await write('from-file.yaml', text('from-file', 'repaired'));
    await directory.look();
    expect(directory.refused).toEqual([]);
  });

  test.each([
    ['C34: capitals in the ending', 'a-flow.YAML'],
    ['C34: capitals in the name', 'A-flow.yaml'],
    ['C34: the other ending', 'a-flow.yml'],
    ['C34: another name than the flow', 'b-flow.yaml'],
  ])('%s is refused and not published', async (_, name) => {
    await write(name, text('a-flow'));
    expect(await directory.follow(tenantId, folder)).toHaveLength(1);
    expect(here.matches(tenantId)).toEqual([]);
  });

  test('C34: a link that leads out of the folder is not followed', async () => {
    const outside = path.join(tmpdir(), `outside-${path.basename(folder)}.yaml`);
    await writeFile(outside, text('a-flow'));
    await symlink(outside, path.join(folder, 'a-flow.yaml'));
    expect(await directory.follow(tenantId, folder)).toMatchObject([
      { code: 'flow.file-name', message: 'The link leads out of the folder of flows.' },
    ]);
    expect(here.matches(tenantId)).toEqual([]);
    await unlink(outside);
  });

  test('C38: two files with one flow are both refused, by both their paths, until one is gone', async () => {
    await write('a-flow.yaml', text('a-flow'));
    await write('b-flow.yaml', text('a-flow', 'second'));
    const refused = await directory.follow(tenantId, folder);
    expect(refused.map(({ code }) => code)).toEqual(['flow.duplicate-flow', 'flow.duplicate-flow']);
    expect(refused[0]?.message).toMatch(/a-flow\.yaml and .*b-flow\.yaml/);
    await unlink(path.join(folder, 'b-flow.yaml'));
    await directory.look();
    expect(here.matches(tenantId)).toEqual(['a-flow 1']);
  });

  test('a flow that runs another is published after it, whatever their names, and once the other one is there', async () => {
    await write('a-flow.yaml', runs('a-flow', 'z-flow'));
    await write('b-flow.yaml', runs('b-flow', 'later'));
    await write('z-flow.yaml', byHand('z-flow'));
    expect(await directory.follow(tenantId, folder)).toMatchObject([
      { code: 'flow.invalid', file: expect.stringMatching(/b-flow\.yaml$/), message: expect.stringMatching(/no flow "later"/) },
    ]);
    expect(here.matches(tenantId)).toEqual(['a-flow 1']);
    await write('later.yaml', byHand('later'));
    await directory.look();
    await directory.look();
    expect(directory.refused).toEqual([]);
    expect(here.matches(tenantId).toSorted()).toEqual(['a-flow 1', 'b-flow 1']);
  });

  test('what is published through the API is written to the folder', async () => {
    await directory.follow(tenantId, folder);
    await directory.save('a-flow', text('a-flow'));
    await directory.look();
    expect(here.matches(tenantId)).toEqual(['a-flow 1']);
  });
});
