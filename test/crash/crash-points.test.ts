/**
 * kill -9 at every named point, and then the same questions: is everything there, once, and is nothing stuck?
 *
 * One installation lives through all of it, one death after the other. `src/runs/README.md`, `src/webhooks/README.md` and
 * `src/domain/payments/README.md` say what is on disk at each point. A text whose call was lost is asked for again after
 * seconds; the deaths go on meanwhile, and what became of each story is looked at when all have happened.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import { isAlive, readPostmaster } from '../../src/platform/database/embedded/postmaster-file.ts';
import { processTree } from '../perf/contestant.ts';
import {
  checkOut,
  chooseAndCheckOut,
  imbalance,
  offerCredits,
  order,
  PAID_ORDER,
  runsOf,
  textsTo,
  traces,
  type Sale,
} from '../stories/scenario.ts';
import { Shop } from '../stories/shop.ts';
import { NOTHING_OPEN, openWork, type OpenWork } from '../support/open-work.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';

/** A customer pays an order, or does so on our payment page. A portal says that a parcel is on its way, and the customer gets two texts. */
type Story = 'sale' | 'checkout' | 'parcel';
type Death = readonly [point: CrashPoint, during: Story];

const DEATHS: readonly Death[] = [
  ['checkout.attempt.after', 'checkout'],
  ['payment.attempt.after', 'checkout'],
  ['payment.attempt.after', 'sale'],
  ['payment.created.before', 'sale'],
  ['webhook.stored.before', 'sale'],
  ['webhook.stored.after', 'sale'],
  ['webhook.applied.before', 'sale'],
  ['webhook.applied.after', 'sale'],
  ['dispatch.flush.before', 'sale'],
  ['dispatch.flush.after', 'sale'],
  ['step.result.after', 'sale'],
  ['run.finished.before', 'sale'],
  ['run.finished.after', 'sale'],
  ['intake.flush.before', 'parcel'],
  ['intake.flush.after', 'parcel'],
  ['guard.reserved.before', 'sale'],
  ['guard.reserved.after', 'sale'],
  ['step.intent.before', 'parcel'],
  ['step.effect.after', 'parcel'],
  ['step.result.after', 'parcel'],
  ['timer.fired.before', 'parcel'],
  ['timer.fired.after', 'parcel'],
  ['step.intent.after', 'parcel'],
  ['step.effect.after', 'sale'],
];
const DEATHS_OF_POSTGRES: readonly Death[] = [
  ['payment.created.before', 'sale'],
  ['webhook.applied.after', 'sale'],
  ['dispatch.flush.before', 'sale'],
  ['intake.flush.after', 'parcel'],
  ['step.effect.after', 'parcel'],
  ['run.finished.before', 'parcel'],
];

/** With these a dead process is missed after a second, a provider is asked soon what became of a call, and requests are sent again. */
const SETTINGS = {
  environment: { KASSAFLOW_LEASE_MS: '1000', KASSAFLOW_ASK_AGAIN_MS: '5000' },
  flows: ['crash/flows/parcel-sent.yaml'],
  patienceMs: SOON_MS,
};

let shop: Shop;
/** Orders that wait to be paid, made before anything dies. */
const sales: Sale[] = [];
/** What is still to be looked at, by the death that the story went through. */
const unproven = new Map<string, () => Promise<void>>();

beforeAll(async () => {
  shop = await Shop.open(SETTINGS);
  const creditPackage = await offerCredits(shop);
  for (let number = 0; number < DEATHS.length + DEATHS_OF_POSTGRES.length + 2; number += 1)
    sales.push(await order(shop, creditPackage, number));
}, STORY_MS);
afterAll(() => shop.close());

describe('kill -9 of the app', () => {
  test.each(DEATHS)(
    'at %s during a %s is survived',
    async (point, during) => {
      shop.app.dieAt(point);
      const begun = begin(during);
      await shop.app.died();
      await shop.app.start();
      unproven.set(`${point} ${during}`, await begun);
      await calm();
    },
    STORY_MS,
  );

  test(
    'leaves no process behind, and the next start goes on',
    async () => {
      const family = processTree(shop.app.pid);
      expect(family.length).toBeGreaterThan(5);
      await shop.app.kill();
      await until(
        () => !family.some(isAlive),
        () => `still there: ${family.filter(isAlive).join(', ')}`,
        SOON_MS,
      );
      await shop.app.start();
      await (
        await begin('sale')
      )();
    },
    STORY_MS,
  );

  test(
    'together with PostgreSQL, whose pid file stays behind, is survived',
    async () => {
      const postgres = postmaster();
      process.kill(postgres, 'SIGKILL');
      await shop.app.kill();
      await shop.app.start();
      expect(postmaster()).not.toBe(postgres);
      await (
        await begin('sale')
      )();
    },
    STORY_MS,
  );
});

describe('kill -9 of PostgreSQL', () => {
  test.each(DEATHS_OF_POSTGRES)(
    'at %s during a %s is survived, and the app stays up',
    async (point, during) => {
      const [app, postgres] = [shop.app.pid, postmaster()];
      shop.app.dieAt(`postgres@${point}`);
      const begun = begin(during);
      await until(
        () => !isAlive(postgres),
        () => 'PostgreSQL should have died but lives',
        SOON_MS,
      );
      unproven.set(`postgres@${point} ${during}`, await begun);
      await calm();
      expect([shop.app.pid, shop.app.ended]).toEqual([app, false]);
    },
    STORY_MS,
  );
});

describe('when everything has died', () => {
  test.each([...DEATHS, ...DEATHS_OF_POSTGRES.map(([point, during]) => [`postgres@${point}`, during] as const)])(
    'the story with a death at %s of a %s is there, each part once',
    async (point, during) => {
      const prove = unproven.get(`${point} ${during}`);
      if (!prove) throw new Error('The story never began');
      await prove();
    },
    STORY_MS,
  );

  test('nothing is left to do, and the books balance', async () => {
    let open: OpenWork | undefined;
    await until(
      async () => isNothing((open = await openWork(shop.app))),
      () => `something is stuck: ${JSON.stringify(open)}`,
      SOON_MS,
    );
    expect(open).toEqual(NOTHING_OPEN);
    expect(await imbalance(shop)).toEqual({ EUR: 0 });
    expect(new Set(shop.postings()).size).toBe(shop.postings().length);
  });
});

/** Tells a story up to where the shop only waits. What is returned looks at what came of it. */
async function begin(story: Story): Promise<() => Promise<void>> {
  const sale = sales.pop();
  if (!sale) throw new Error('beforeAll makes too few orders');
  return story === 'parcel' ? send(sale) : pay(sale, story === 'checkout' ? chooseAndCheckOut : checkOut);
}

async function pay(sale: Sale, open: typeof checkOut): Promise<() => Promise<void>> {
  const checkout = await open(shop, sale);
  shop.stripe.pay(checkout.session);
  return async () => expect(await traces(shop, sale, checkout)).toEqual(PAID_ORDER);
}

async function send({ phone, order: parcel }: Sale): Promise<() => Promise<void>> {
  const event = { specversion: '1.0', id: parcel, source: '/warehouse', type: 'custom.parcel-sent', data: { parcel, phone } };
  await shop.api.post('/v1/events', event);
  return async () => {
    let runs: readonly string[] = [];
    await until(
      async () => (runs = await runsOf(shop, 'parcel-sent', parcel)).some((status) => status !== 'running' && status !== 'waiting'),
      () => `the run never ended: ${runs.join()}\n${shop.app.output.slice(-4_000)}`,
      SOON_MS,
    );
    expect(runs).toEqual(['completed']);
    expect(textsTo(shop, phone)).toEqual([
      expect.stringContaining(`Parcel ${parcel} is on its way.`),
      expect.stringContaining(`Parcel ${parcel} is almost there.`),
    ]);
  };
}

/** Waits until nothing is under way any more; runs may sleep. */
async function calm(): Promise<void> {
  let open: OpenWork | undefined;
  await until(
    async () => {
      open = await openWork(shop.app).catch(() => undefined);
      return open !== undefined && isNothing({ ...open, resting: 0, timers: 0 });
    },
    () => `something is stuck: ${JSON.stringify(open)}\n${shop.app.output.slice(-4_000)}`,
    SOON_MS,
  );
}

function isNothing(open: OpenWork): boolean {
  return Object.values(open).every((count) => count === 0);
}

function postmaster(): number {
  return readPostmaster(join(shop.app.folder, 'data/postgres'))?.pid ?? 0;
}
