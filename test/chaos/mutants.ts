/**
 * Bugs that the campaign must catch, planted in a copy of the compiled program.
 *
 * Each is a mistake that good people make: it passes every test in which nothing breaks.
 */
import type { CrashPoint } from '../../src/platform/crash-points.ts';
import type { TroubleName } from './troubles.ts';

/** A text in one file of `dist` that is there once, and what stands there instead. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** Settings of PostgreSQL. */
  readonly database?: Readonly<Record<string, string>>;
  /** What brings it out. */
  readonly troubles: readonly TroubleName[];
  /** With 'crash points' among them: the places to die at; everywhere unless told. */
  readonly points?: readonly CrashPoint[];
  /** Share of the payments that give credits; the usual one unless told. */
  readonly credits?: number;
  /** Share of the bank's calls that go wrong; none for a bug that shows as something that never ends. */
  readonly faultRate: number;
  /** The questions of which one must find it. */
  readonly caughtBy: readonly string[];
}

const FLUSH = 'runs/postgres/queries/flush.js';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'synchronous_commit = off',
    edits: [
      {
        file: 'platform/database/server-checks.js',
        find: `Object.entries(facts.durability).filter(([, value])=>value === 'off')`,
        replace: '[]',
      },
    ],
    database: { synchronous_commit: 'off', wal_writer_delay: '5s', wal_writer_flush_after: '1GB' },
    troubles: ['kill postgres'],
    faultRate: 0,
    caughtBy: ['O1'],
  },
  {
    name: 'an event is acknowledged before it is committed',
    edits: [
      {
        file: 'runs/postgres/intake.js',
        find: 'const result = await this.engine.accept({',
        replace: `const result = 'accepted'; void Promise.resolve().then(() => this.engine.accept({ ...event, id: eventId })).catch(() => undefined); ({`,
      },
    ],
    troubles: ['kill process', 'kill postgres', 'network'],
    faultRate: 0,
    caughtBy: ['O1'],
  },
  {
    name: 'no unique key on events',
    edits: [
      {
        file: 'runs/postgres/flush-batch.js',
        find: '`${source}\\0${sourceId}`',
        replace: '`${source}\\0${sourceId}\\0${process.hrtime.bigint()}`',
      },
    ],
    troubles: ['kill process'],
    faultRate: 0,
    caughtBy: ['O1'],
  },
  {
    name: 'a fresh idempotency key for every attempt',
    edits: [{ file: 'runs/idempotency-key.js', find: '\\0${group}`', replace: '\\0${group}\\0${process.hrtime.bigint()}`' }],
    troubles: ['kill process'],
    faultRate: 0.1,
    caughtBy: ['O2', 'O3'],
  },
  {
    name: 'a flush does not look whether the lease is still its own',
    edits: [
      {
        file: FLUSH,
        find: 'where epoch = $1::bigint and last_flush = $2::bigint - 1 and taken_by is null',
        replace: 'where epoch = $1::bigint and $2::bigint > 0',
      },
      { file: FLUSH, find: 'where run.id = w.id and run.epoch = $1::bigint', replace: 'where run.id = w.id' },
    ],
    troubles: ['pause', 'kill process'],
    faultRate: 0,
    caughtBy: ['O1', 'O2', 'O3', 'O4', 'O7'],
  },
  {
    name: 'leases end by the clock of the process',
    edits: [
      {
        file: 'runs/postgres/resume.js',
        find: 'client.query(TAKE_LEASE, [',
        replace: `client.query(TAKE_LEASE.replace('clock_timestamp()', 'to_timestamp(' + Date.now() / 1000 + ')'), [`,
      },
    ],
    troubles: ['clock jump'],
    faultRate: 0,
    caughtBy: ['O7'],
  },
  {
    name: 'a timer is deleted before it has done anything',
    edits: [
      {
        file: 'runs/postgres/queries/peek-timers.js',
        find: `with recursive tenant(id) as (`,
        replace: `with recursive early as (delete from run_timer where wake_at < clock_timestamp() + interval '10 seconds'), tenant(id) as (`,
      },
    ],
    troubles: ['kill process'],
    faultRate: 0,
    caughtBy: ['O4'],
  },
  {
    name: 'an event is known to be the same for a second only',
    edits: [
      {
        file: 'runs/postgres/flush-batch.js',
        find: '`${source}\\0${sourceId}`',
        replace: '`${source}\\0${sourceId}\\0${Math.floor(Date.now() / 1_000)}`',
      },
    ],
    troubles: ['kill process'],
    faultRate: 0,
    caughtBy: ['O1'],
  },
  {
    name: 'a call is repeated after the provider has forgotten its key',
    edits: [{ file: 'runs/step-state.js', find: 'const KEY_TRUST = 0.8', replace: 'const KEY_TRUST = 1_000_000' }],
    troubles: ['kill process'],
    faultRate: 0.45,
    caughtBy: ['O2', 'O3'],
  },
  {
    name: 'what is left to refund is read outside the lock',
    edits: [
      {
        file: 'domain/payments/refunds.service.js',
        find: 'const row = await this.payments.lock(tx, wish.paymentId);',
        replace: `const row = await tx.em.findOneOrFail(PaymentEntity, { id: wish.paymentId });`,
      },
    ],
    // A slow database lets two refunds read before either writes; nobody has to die.
    troubles: ['network'],
    faultRate: 0,
    caughtBy: ['O3'],
  },
  {
    name: 'the hash chain leaves a field out',
    edits: [{ file: 'domain/ledger/chained-ledger.js', find: 'e.subject, e.description,', replace: 'e.subject,' }],
    troubles: ['kill process'],
    faultRate: 0,
    caughtBy: ['O6'],
  },
  {
    name: 'a ledger is written with ON CONFLICT DO UPDATE',
    edits: [
      {
        file: 'domain/credits/credits.service.js',
        find: 'if (known) return known;',
        replace: '',
      },
      {
        file: 'domain/credits/credits.service.js',
        find: 'on conflict (tenant_id, idempotency_key) do nothing returning',
        replace: 'on conflict (tenant_id, idempotency_key) do update set reason = excluded.reason returning',
      },
    ],
    // Whoever dies between the credits and the word about them gives them again.
    troubles: ['kill process', 'network', 'crash points'],
    points: ['step.effect.after'],
    credits: 1,
    faultRate: 0,
    caughtBy: ['O2', 'O3', 'O4'],
  },
];
