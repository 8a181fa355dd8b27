import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { newUuid } from '../../kernel/ids.ts';
import { money } from '../../kernel/money.ts';
import { testDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { credit, debit, type LedgerDraft, type LedgerLine } from './ledger-entry.ts';
import { Ledger } from './ledger.service.ts';

let db: TestDatabase;
const ledger = new Ledger();
beforeAll(async () => {
  db = await testDatabase({ poolSize: 10 });
});
afterAll(() => db.close());

const eur = (minor: number | bigint) => money(BigInt(minor), 'EUR');
const draft = (more: Partial<LedgerDraft> = {}): LedgerDraft => ({
  key: newUuid(),
  kind: 'test',
  subject: 'test',
  description: '',
  effectiveAt: new Date('2026-11-20T10:00:00Z'),
  lines: [debit('asset:receivable', eur(100)), credit('income:sales', eur(100))],
  ...more,
});
const post = (entry: LedgerDraft, tenantId = db.tenantId) => db.database.transact(tenantId, (tx) => ledger.post(tx, entry));
const entries = async () => Number((await db.ownerPool.query('select count(*) from ledger_entry')).rows[0].count);

describe('an entry', () => {
  test('is posted once per key: a repeat gets the first, another content is refused', async () => {
    const entry = draft();
    const [first, again] = [await post(entry), await post(entry)];
    expect(again).toBe(first);
    const other = { ...entry, lines: [debit('asset:receivable', eur(99)), credit('income:sales', eur(99))] };
    await expect(post(other)).rejects.toMatchObject({ code: 'ledger.key-reused' });
  });

  test('is posted once when the same is posted 20 times at once', async () => {
    const entry = draft();
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => post(entry)))).size).toBe(1);
  });

  test('is reversed once, with its sides swapped', async () => {
    const id = await post(draft({ subject: 'reversed' }));
    const reverse = (key: string) =>
      db.database.transact(db.tenantId, (tx) =>
        ledger.reverse(tx, id, { key, kind: 'test.reversed', description: '', effectiveAt: new Date(0) }),
      );
    const reversal = await reverse('r1');
    expect(await reverse('r1')).toBe(reversal);
    await expect(reverse('r2')).rejects.toMatchObject({ code: 'ledger.already-reversed' });
    const both = await db.database.transact(db.tenantId, (tx) => ledger.entriesOf(tx, 'reversed'));
    expect(both.map(({ reverses, reversedBy }) => [reverses, reversedBy])).toEqual([
      [undefined, reversal],
      [id, undefined],
    ]);
    expect(both[1]?.lines.map(({ side, account }) => [side, account])).toEqual([
      ['credit', 'asset:receivable'],
      ['debit', 'income:sales'],
    ]);
  });

  test.each<[string, readonly LedgerLine[], string]>([
    ['debits and credits that differ', [debit('asset:a', eur(100)), credit('income:b', eur(90))], 'ledger.unbalanced'],
    ['two currencies', [debit('asset:a', eur(100)), credit('income:b', money(100n, 'NOK'))], 'ledger.unbalanced'],
    ['one line', [debit('asset:a', eur(100))], 'ledger.unbalanced'],
    ['a line of zero', [debit('asset:a', eur(0)), credit('income:b', eur(0))], 'ledger.invalid-line'],
    ['an account of no kind', [debit('cupboard:a', eur(1)), credit('income:b', eur(1))], 'ledger.invalid-line'],
  ])('with %s is refused and nothing is stored', async (_, lines, code) => {
    const before = await entries();
    await expect(post(draft({ lines }))).rejects.toMatchObject({ code });
    expect(await entries()).toBe(before);
  });

  test('that gets past our own check does not get past the database', async () => {
    const id = newUuid();
    const write = db.database.transact(db.tenantId, async (tx) => {
      await ledger.post(tx, draft());
      await tx.query(
        `insert into ledger_entry (id, tenant_id, idempotency_key, request_hash, kind, subject, description, effective_at) values ($1::uuid, $2, $1::text, '', '', '', '', now())`,
        [id, tx.tenantId],
      );
    });
    await expect(write).rejects.toThrow(/fewer than two lines/);
  });

  test.each(['update ledger_line set minor = 1', 'delete from ledger_entry', 'truncate ledger_line'])(
    'is never changed, not even by the owner: %s',
    async (statement) => {
      await post(draft());
      await expect(db.ownerPool.query(statement)).rejects.toMatchObject({ code: '55000' });
      await expect(db.database.transact(db.tenantId, (tx) => tx.query(statement))).rejects.toThrow(/permission denied/);
    },
  );
});

describe('the books', () => {
  test('balance after any sequence of entries and reversals', async () => {
    const parts = fc.array(fc.bigInt({ min: 1n, max: 10n ** 12n }), { minLength: 1, maxLength: 4 });
    const tenant = await db.addTenant('sequences');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(parts, fc.boolean()), { minLength: 1, maxLength: 6 }), async (list) => {
        for (const [amounts, isReversed] of list) {
          const total = amounts.reduce((a, b) => a + b, 0n);
          const id = await post(
            draft({
              lines: [
                debit('asset:receivable', eur(total)),
                ...amounts.map((minor, index) => credit(`liability:vat:${index}`, eur(minor))),
              ],
            }),
            tenant,
          );
          if (isReversed)
            await db.database.transact(tenant, (tx) =>
              ledger.reverse(tx, id, { key: `r-${id}`, kind: 'r', description: '', effectiveAt: new Date(0) }),
            );
        }
        const accounts = await db.database.transact(tenant, (tx) => ledger.trialBalance(tx));
        const [debits, credits] = [
          accounts.reduce((sum, account) => sum + account.debits.minor, 0n),
          accounts.reduce((sum, account) => sum + account.credits.minor, 0n),
        ];
        expect(debits).toBe(credits);
      }),
      { numRuns: 25 },
    );
  });

  test('of one tenant are not seen by another', async () => {
    const other = await db.addTenant('other');
    await post(draft({ subject: 'secret' }));
    expect(await db.database.transact(other, (tx) => ledger.entriesOf(tx, 'secret'))).toEqual([]);
    expect(await db.database.transact(other, (tx) => ledger.trialBalance(tx))).toEqual([]);
  });
});
