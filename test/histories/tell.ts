/** Tells a history at a desk and compares three accounts of it: the model's, the provider's own, and ours. */
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../chaos/random.ts';
import { actOf, can, type Account, type Act, type Desk, type Posted } from '../desks/desk.ts';
import type { Core } from './core.ts';
import type { History, Step } from './history.ts';
import type { Kinds } from './kinds.ts';
import { Model } from './model.ts';
import { fitting, TOTAL, type Deed } from './plot.ts';

/** Between two steps. */
const STEP_MS = 1_000;

/** For so long providers try to bring their news; what nobody took until then is lost. */
const NEWS_LASTS_MS = 7 * 86_400_000;

/** @returns what does not agree, or nothing */
export async function tell(history: History, desk: Desk, core: Core, kinds: Kinds): Promise<string | undefined> {
  const openedAt = desk.now();
  await core.open(history.invoices, history.manual, history.opening);
  kinds.saw(history.opening === 'none' ? 'opened' : `opened, ${history.opening}`);
  const made = desk.made(core.reference);
  if (core.payment === '') return made.length === 0 ? undefined : `our side has given up, and the provider has ${made.join(', ')}`;
  const telling = new Telling({ history, desk, core, kinds, openedAt });
  for (const [index, step] of history.steps.entries()) {
    const problem = await telling.take(step);
    if (problem !== undefined) return `step ${index} ${JSON.stringify(step)}: ${problem}`;
  }
  return telling.compare();
}

interface Parts {
  readonly history: History;
  readonly desk: Desk;
  readonly core: Core;
  readonly kinds: Kinds;
  readonly openedAt: number;
}

class Telling {
  readonly #parts: Parts;
  readonly #model: Model;
  #mail: { readonly posted: Posted; readonly at: number }[] = [];
  /** Something happened of which no delivery will tell. */
  #isLost = false;
  /** Something happened of which only a settlement tells. */
  #isUnsettled = false;

  /** When settlements were read for the last time. */
  #settledAt: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#settledAt = parts.openedAt;
    this.#model = new Model(parts.history.manual, parts.history.invoices);
  }

  async take(step: Step): Promise<string | undefined> {
    await this.#parts.desk.advance(STEP_MS);
    if ('trouble' in step) return this.#ours(step);
    if (step.do === 'settle') return this.#settle();
    await this.#happen(step);
    return undefined;
  }

  async compare(): Promise<string | undefined> {
    const { desk, core, kinds } = this.#parts;
    const unsettled = this.#isUnsettled ? await this.#settle() : undefined;
    if (unsettled !== undefined) return unsettled;
    await this.#deliver('deliver-all', 1);
    await this.#deliver('deliver-all', 2);
    // Deliveries are all that tells of most changes; only where one was lost, or none is ever sent, does a person or a nightly job ask.
    if (this.#isLost || !desk.plugin.webhook) await core.look();
    const { completions, ...books } = await core.close();
    const expected = this.#model.books(this.#account);
    kinds.sawEnd(expected);
    const made = desk.made(core.reference);
    if (!isDeepStrictEqual(made, [core.payment])) return `the provider has made ${JSON.stringify(made)} for one payment`;
    const [theirs, modelled] = [
      movedBy(this.#account),
      { captured: expected.captured, chargedBack: expected.chargedBack, refunds: this.#model.refunds },
    ];
    if (!isDeepStrictEqual(theirs, modelled)) return `the provider has ${JSON.stringify(theirs)}, the model ${JSON.stringify(modelled)}`;
    const isBegun = expected.state === 'open' && (books.state === 'created' || books.state === 'pending');
    if (!isDeepStrictEqual(isBegun ? { ...books, state: 'open' } : books, expected))
      return `our books have ${JSON.stringify(books)}, the model ${JSON.stringify(expected)}`;
    if (expected.captured === TOTAL && completions !== 1) return `payment.completed happened ${completions} times`;
    return undefined;
  }

  get #account(): Account {
    const { desk, core } = this.#parts;
    return desk.account(core.payment);
  }

  #fit(deed: Deed, number: number): number | undefined {
    const { desk, history } = this.#parts;
    return fitting(deed, number, this.#account, desk.manners, history.manual);
  }

  #happen(step: Exclude<Step, { readonly trouble: unknown } | { readonly do: 'settle' }>): void | Promise<void> {
    const { desk, core } = this.#parts;
    switch (step.do) {
      case 'wait':
        return desk.advance(step.number);
      case 'look':
        return core.look();
      case 'keep-look':
        return core.keepLook();
      case 'apply-kept':
        return core.applyKept();
      case 'lagging-look':
        // A replica that lags may have the last word: then only asking once more tells better.
        this.#isLost = true;
        return core.laggingLook();
      case 'deliver-one':
      case 'deliver-all-twice':
      case 'lose-one':
        return this.#deliver(step.do, step.number);
      case 'pay-elsewhere':
        return this.#payElsewhere(step);
      default:
        return this.#theirs(step);
    }
  }

  /** Something that we do: we look first, as whoever presses the button does, and then it comes about exactly where it fits. */
  async #ours({ do: what, number, trouble }: Extract<Step, { readonly trouble: unknown }>): Promise<string | undefined> {
    const { desk, core, kinds } = this.#parts;
    // Money that came back is ours to give only once a settlement has told of it.
    if (this.#fit(what, number) === undefined || (what === 'refund' && this.#isUnsettled)) return undefined;
    if (what === 'refund') await desk.advance(desk.manners.refundPauseMs);
    await core.look();
    const fit = this.#fit(what, number);
    if (fit === undefined) return undefined;
    const willBeDeclined = what === 'capture' && this.#account.isDoomed;
    const isDone = what === 'cancel' ? await core.cancel(trouble) : await core[what](fit, trouble);
    await this.#collect();
    if (isDone && !willBeDeclined) this.#model.take(what, fit);
    else if (trouble === 'none' && !willBeDeclined) return `it should have come about`;
    kinds.saw(`${what}${trouble === 'none' ? '' : `, ${trouble}`}${willBeDeclined ? ', declined' : ''}`);
    return undefined;
  }

  /** Something that happens at the provider, where it can. */
  async #theirs({ do: act, number }: { readonly do: Act; readonly number: number }): Promise<void> {
    const { desk, core, kinds } = this.#parts;
    const fit = can(desk, act) ? this.#fit(act, number) : undefined;
    if (fit === undefined) return;
    const wasDone = act === 'fail-refund' && this.#account.refunds[fit]?.state === 'done';
    await actOf(desk, act)(core.payment, fit);
    this.#model.take(act, fit);
    kinds.saw(wasDone ? 'fail-refund of one that was done' : act);
    if (desk.manners.silent.includes(act)) this.#isLost = true;
    if (act.endsWith('dispute') && desk.manners.chargebacks === 'in-settlements') this.#isUnsettled = true;
    await this.#collect();
  }

  async #payElsewhere({ number, which }: Extract<Step, { readonly do: 'pay-elsewhere' }>): Promise<void> {
    const { history, core, kinds } = this.#parts;
    const invoice = which % history.invoices.length;
    const paid = await core.payElsewhere(invoice, number);
    this.#model.payElsewhere(invoice, paid);
    if (paid > 0) kinds.saw('paid elsewhere');
  }

  /** The lines of all settlements come to what we and the provider know of the payment, and our books know all of them. */
  async #settle(): Promise<string | undefined> {
    const { desk, core, kinds } = this.#parts;
    if (typeof desk.settle === 'string' || this.#account.captured === 0) return undefined;
    const before = this.#account;
    const days = await desk.settle(this.#settledAt);
    this.#settledAt = desk.now();
    const settled = await core.settle(days);
    await this.#collect();
    this.#isUnsettled = false;
    kinds.saw('settled');
    // What is under way is settled when it has arrived; of one that failed, some providers say nothing there.
    if (before.refunds.some(({ state }) => state !== 'done')) return undefined;
    const { owed, fees } = this.#model.books(before);
    const isRight = settled.gross === owed && settled.unexplained === 0 && settled.fees >= fees;
    return isRight ? undefined : `settlements have ${JSON.stringify(settled)}, the model ${JSON.stringify({ owed, fees })}`;
  }

  async #collect(): Promise<void> {
    const { desk } = this.#parts;
    const at = desk.now();
    this.#mail.push(...(await desk.posted()).map((posted) => ({ posted, at })));
    const fresh = this.#mail.filter((one) => one.at >= at - NEWS_LASTS_MS);
    if (fresh.length < this.#mail.length) this.#isLost = true;
    this.#mail = fresh;
  }

  async #deliver(how: 'deliver-one' | 'deliver-all' | 'deliver-all-twice' | 'lose-one', number: number): Promise<void> {
    await this.#collect();
    if (this.#mail.length === 0) return;
    if (how === 'deliver-all' || how === 'deliver-all-twice') {
      const random = seededRandom(number);
      const all = this.#mail.splice(0).flatMap((one) => (how === 'deliver-all' ? [one] : [one, one]));
      for (const { posted } of all.map(({ posted }) => ({ posted, at: random() })).toSorted((a, b) => a.at - b.at))
        await this.#parts.core.deliver(posted);
      return;
    }
    const [one] = this.#mail.splice(number % this.#mail.length, 1);
    if (how === 'lose-one') this.#isLost = true;
    else if (one) await this.#parts.core.deliver(one.posted);
  }
}

/** What has moved by the provider's books, as the model counts it. */
function movedBy({ captured, chargedBack, refunds }: Account): object {
  return { captured, chargedBack, refunds: refunds.map(({ amount, state }) => (state === 'failed' ? 0 : amount)) };
}
