import { failed, ok, type Context, type Outcome, type SettlementLine, type SettlementPage } from '@kassaflow/plugin-sdk';
import { send, type Answer } from './client.ts';
import { entryOf, type LedgerEntry } from './ledger-entries.ts';
import type { Settings } from './settings.ts';
import { OPEN_LEDGER_DATE_MS } from './unverified.ts';
import { listAt, textAt, valueAt } from './wire-values.ts';

type Ctx = Context<Settings>;

/** Where reading goes on: a ledger, one of its dates, and within the date a cursor and the balance before it. */
interface Place {
  readonly ledger: string;
  readonly date: string;
  readonly cursor?: string;
  readonly balance?: number;
}

const DAY_MS = 86_400_000;
/** One answer may hold 2,000 lines; the provider's page is 1,000 entries, or what its header says. */
const MOST_LINES = 1_000;
const MOST_LEDGER_PAGES = 50;

/**
 * The funds ledger of the sales unit, date by date (https://developer.vippsmobilepay.com/docs/APIs/report-api/). Lines come in the order of the
 * ledger; a payout covers whole dates and is the last line of one, so lines belong to the next payout that follows. Where a page holds
 * a date as a whole, its lines name that payout. The test environment has no ledgers and settles nothing.
 */
export async function settlements(
  context: Ctx,
  request: { readonly from: string; readonly to: string; readonly page?: string },
): Promise<Outcome<SettlementPage>> {
  if (!isDate(request.from) || !isDate(request.to) || request.from > request.to)
    return failed('input', 'The days must be written as 2026-11-30, the first one first.', { field: 'from' });
  if (context.mode === 'test') return ok({ lines: [] });

  const ledgers = await ledgersOf(context);
  if (ledgers.kind !== 'ok') return ledgers;
  const [first] = ledgers.value;
  const place = request.page === undefined ? first && { ledger: first, date: request.from } : readPlace(request.page);
  if (!place)
    return request.page === undefined ? ok({ lines: [] }) : failed('input', 'This page was not made by this plugin.', { field: 'page' });
  if (!ledgers.value.includes(place.ledger))
    return failed('input', 'The ledger of this page is not one of this sales unit.', { field: 'page' });

  const date = await readDate(context, place);
  if (date.kind !== 'ok') return date;
  const next = date.value.rest ?? following(place, request, ledgers.value);
  return ok({ lines: date.value.lines, ...(next === undefined ? {} : { next: writePlace(next) }) });
}

/** Ledgers that settle for this sales unit, in a stable order. Normally one. */
async function ledgersOf(context: Ctx): Promise<Outcome<readonly string[]>> {
  const handle = `api:${context.settings.merchantSerialNumber}`;
  const found = new Set<string>();
  let query = `settlesForRecipientHandles=${encodeURIComponent(handle)}`;
  for (let page = 0; page < MOST_LEDGER_PAGES; page += 1) {
    const read = await report(context, `/settlement/v1/ledgers?${query}`);
    if (read.kind !== 'ok') return read;
    for (const ledger of listAt(read.value.body, 'items')) {
      const id = textAt(ledger, 'ledgerId');
      // The filter is theirs; what is booked for somebody else must not depend on it.
      if (id !== undefined && /^[\w-]{1,60}$/.test(id) && listAt(ledger, 'settlesForRecipientHandles').includes(handle)) found.add(id);
    }
    const cursor = textAt(read.value.body, 'cursor');
    if (cursor === undefined) break;
    query = `cursor=${encodeURIComponent(cursor)}`;
  }
  return ok([...found].toSorted());
}

/** Reads a date, or as much of it as one answer may hold. */
async function readDate(
  context: Ctx,
  place: Place,
): Promise<Outcome<{ readonly lines: readonly SettlementLine[]; readonly rest?: Place }>> {
  const entries: LedgerEntry[] = [];
  let { cursor } = place;
  do {
    const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const read = await report(context, `/report/v2/ledgers/${place.ledger}/funds/dates/${place.date}${query}`);
    if (read.kind === 'failed' && read.code === 'http-404') return notReady(place.date);
    if (read.kind !== 'ok') return read;
    const { body } = read.value;
    const page = listAt(body, 'items').map((item) => entryOf(item, place.ledger, context.log));
    if (page.includes(undefined))
      return failed('temporary', `An entry of the ledger on ${place.date} could not be read.`, { code: 'ledger-entry' });
    entries.push(...page.filter((entry) => entry !== undefined));
    cursor = valueAt(body, 'hasMore') === true ? textAt(body, 'cursor') : undefined;
    // A date that is open may still get entries, and they may not be read as if they were all (https://…/fetching-report-data/, `tryLater`).
    if (cursor === undefined && valueAt(body, 'tryLater') === true) return notReady(place.date);
  } while (cursor !== undefined && entries.length < MOST_LINES);

  const gap = gapIn(entries, place.balance);
  if (gap !== undefined)
    return failed('temporary', `The ledger on ${place.date} has a gap after ${gap}: an entry is missing.`, { code: 'ledger-gap' });
  const balance = entries.at(-1)?.balanceAfter ?? place.balance;
  if (cursor !== undefined) {
    const rest = { ledger: place.ledger, date: place.date, cursor, ...(balance === undefined ? {} : { balance }) };
    return ok({ lines: entries.map(({ line }) => line), rest });
  }
  return ok({ lines: place.cursor === undefined ? withPayout(entries) : entries.map(({ line }) => line) });
}

/** The balance runs through: what one entry leaves is what the next one finds. Returns the line after which it does not. */
function gapIn(entries: readonly LedgerEntry[], before: number | undefined): string | undefined {
  let balance = before;
  let last = 'the page before';
  for (const { line, amount, balanceBefore, balanceAfter } of entries) {
    if ((balance !== undefined && balance !== balanceBefore) || balanceBefore + amount !== balanceAfter) return last;
    balance = balanceAfter;
    last = line.providerId;
  }
  return undefined;
}

function withPayout(entries: readonly LedgerEntry[]): readonly SettlementLine[] {
  const payout = entries.at(-1)?.line.payout;
  return entries.map(({ line }) => (payout === undefined ? line : { ...line, payout }));
}

/** The next date of the ledger, or the first one of the next ledger. */
function following(
  { ledger, date }: Place,
  { from, to }: { readonly from: string; readonly to: string },
  ledgers: readonly string[],
): Place | undefined {
  if (date < to) return { ledger, date: dayAfter(date) };
  const next = ledgers[ledgers.indexOf(ledger) + 1];
  return next === undefined ? undefined : { ledger: next, date: from };
}

/** Settlements may be refused while payments work, so a refusal here must not pause the connection: it is no matter of `auth`. */
async function report(context: Ctx, path: string): Promise<Outcome<Answer>> {
  const { reportClientId, reportClientSecret } = context.settings;
  const token = reportClientId && reportClientSecret ? 'reports' : 'merchant';
  const read = await send(context, { manner: 'read', method: 'GET', path, token });
  if (read.kind !== 'failed' || read.reason !== 'auth') return read;
  return failed('permanent', 'These keys may not read settlements. Add accounting keys to the connection, or order access.', {
    code: 'report-access',
    field: 'reportClientSecret',
  });
}

function notReady(date: string): Outcome<never> {
  return failed('temporary', `The ledger of ${date} is not closed yet.`, { code: 'ledger-open', retryAfterMs: OPEN_LEDGER_DATE_MS });
}

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text;
}

function dayAfter(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
}

function writePlace(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

function readPlace(page: string): Place | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(page, 'base64url').toString('utf8'));
    const [ledger, date, cursor] = [textAt(read, 'ledger'), textAt(read, 'date'), textAt(read, 'cursor')];
    const balance = valueAt(read, 'balance');
    if (ledger === undefined || date === undefined || !isDate(date)) return undefined;
    return { ledger, date, ...(cursor === undefined ? {} : { cursor }), ...(typeof balance === 'number' ? { balance } : {}) };
  } catch {
    return undefined;
  }
}
