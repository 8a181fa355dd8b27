/** Tells a history at a desk and compares three accounts of it: the model's, the provider's own, and ours. */
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '../chaos/random.ts';
import { actOf, can, type Act, type Desk, type Posted } from '../desks/desk.ts';
import type { Core } from './core.ts';
import type { History, Step } from './history.ts';
import { Model, TOTAL } from './model.ts';

/** Between two steps. */
const STEP_MS = 1_000;

/** @returns what does not agree, or nothing */
export async function tell(history: History, desk: Desk, core: Core): Promise<string | undefined> {
  await core.open(history.manual, history.opening);
  const made = desk.made(core.reference);
  if (core.payment === '') return made.length === 0 ? undefined : `our side has given up, and the provider has ${made.join(', ')}`;
  const telling = new Telling(history, desk, core);
  for (const [index, step] of history.steps.entries()) {
    const problem = await telling.take(step);
    if (problem !== undefined) return `step ${index} ${JSON.stringify(step)}: ${problem}`;
  }
  return telling.compare();
}

class Telling {
  readonly #desk: Desk;
  readonly #core: Core;
  readonly #model: Model;
  #mail: Posted[] = [];
  #isLost = false;

  constructor({ manual }: History, desk: Desk, core: Core) {
    this.#desk = desk;
    this.#core = core;
    this.#model = new Model(desk.manners, manual);
  }

  async take(step: Step): Promise<string | undefined> {
    await this.#desk.advance(STEP_MS);
    this.#model.pass(this.#desk.now());
    if ('trouble' in step) return this.#ours(step);
    await this.#happen(step);
    return undefined;
  }

  async compare(): Promise<string | undefined> {
    const [model, desk, core] = [this.#model, this.#desk, this.#core];
    await this.#deliver('deliver-all-twice', 1);
    await this.#deliver('deliver-all-twice', 2);
    // Deliveries are all that tells of most changes; only where one was lost, or none is ever sent, does a person or a nightly job ask.
    if (this.#isLost || !desk.plugin.webhook) await core.look();
    model.pass(desk.now());
    const { state, completions, ...books } = await core.close();
    const net = model.captured - model.refunded - model.chargedBack;
    const expected = {
      captured: model.captured,
      refunded: model.refunded,
      chargedBack: model.chargedBack,
      owed: net,
      onInvoices: Math.max(0, net),
      unallocated: Math.min(0, net),
      refundsDone: model.refunded,
    };
    const truth = desk.truth(core.payment);
    const made = desk.made(core.reference);
    if (!isDeepStrictEqual(made, [core.payment])) return `the provider has made ${JSON.stringify(made)} for one payment`;
    if (!isDeepStrictEqual(truth, { captured: model.captured, refunded: model.refunded, chargedBack: model.chargedBack }))
      return `the provider has ${JSON.stringify(truth)}, the model ${JSON.stringify(expected)}`;
    if (!isDeepStrictEqual(books, expected)) return `our books have ${JSON.stringify(books)}, the model ${JSON.stringify(expected)}`;
    if (state !== model.state && !(model.state === 'open' && (state === 'created' || state === 'pending')))
      return `our state is ${state}, the model’s ${model.state}`;
    if (model.captured === TOTAL && completions !== 1) return `payment.completed happened ${completions} times`;
    return undefined;
  }

  #happen(step: Exclude<Step, { readonly trouble: unknown }>): void | Promise<void> {
    switch (step.do) {
      case 'wait':
        return this.#desk.advance(step.number);
      case 'look':
        return this.#core.look();
      case 'keep-look':
        return this.#core.keepLook();
      case 'apply-kept':
        return this.#core.applyKept();
      case 'lagging-look':
        // A replica that lags may have the last word: then only asking once more tells better.
        this.#isLost = true;
        return this.#core.laggingLook();
      case 'deliver-one':
      case 'deliver-all-twice':
      case 'lose-one':
        return this.#deliver(step.do, step.number);
      default:
        return this.#theirs(step);
    }
  }

  /** Something that we do: we look first, as whoever presses the button does, and then it comes about exactly where it fits. */
  async #ours({ do: what, number, trouble }: Extract<Step, { readonly trouble: unknown }>): Promise<string | undefined> {
    const [desk, core, model] = [this.#desk, this.#core, this.#model];
    if (model.fits(what, number) === undefined) return undefined;
    if (what === 'refund') await desk.advance(desk.manners.refundPauseMs);
    await core.look();
    model.pass(desk.now());
    const fit = model.fits(what, number);
    if (fit === undefined) return undefined;
    const at = desk.now();
    const isDone = what === 'cancel' ? await core.cancel(trouble) : await core[what](fit, trouble);
    await this.#collect();
    if (isDone) model.take(what, what === 'refund' || what === 'capture' ? fit : 0, at);
    else if (trouble === 'none') return `it should have come about`;
    return undefined;
  }

  /** Something that happens at the provider, where it can. */
  async #theirs({ do: act, number }: { readonly do: Act; readonly number: number }): Promise<void> {
    const [desk, core, model] = [this.#desk, this.#core, this.#model];
    const fit = can(desk, act) ? model.fits(act, number) : undefined;
    if (fit === undefined) return;
    await actOf(desk, act)(core.payment, fit);
    model.take(act, fit, desk.now());
    if (desk.manners.silent.includes(act)) this.#isLost = true;
    await this.#collect();
  }

  async #collect(): Promise<void> {
    this.#mail.push(...(await this.#desk.posted()));
  }

  async #deliver(how: 'deliver-one' | 'deliver-all-twice' | 'lose-one', number: number): Promise<void> {
    await this.#collect();
    if (this.#mail.length === 0) return;
    if (how === 'deliver-all-twice') {
      const random = seededRandom(number);
      const all = this.#mail.splice(0).flatMap((one) => [one, one]);
      for (const { one } of all.map((posted) => ({ one: posted, at: random() })).toSorted((a, b) => a.at - b.at))
        await this.#core.deliver(one);
      return;
    }
    const [posted] = this.#mail.splice(number % this.#mail.length, 1);
    if (how === 'lose-one') this.#isLost = true;
    else if (posted) await this.#core.deliver(posted);
  }
}
