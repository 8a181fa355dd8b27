/**
 * Which flows an event starts: tenant and event type → enabled published flows, in memory, asked for every event.
 *
 * A match is a candidate. Whether a run begins is decided by {@link admit}, which evaluates `where`, `when` and `one-per`;
 * most flows need only the event for that (`needs` is empty), the others need the current state of a subject first.
 */
import type { DomainEvent } from '../events/event.ts';
import type { CompiledFlow, CompiledTrigger, Scope, Subject } from './language/compiled-flow.ts';
import { SUBJECT_WORDS } from './language/names.ts';

/** One enabled flow at its newest revision. */
export interface PublishedFlow {
  /** `uuid`; `flw_…` on the wire. */
  readonly flowId: string;
  readonly tenantId: string;
  readonly revision: number;
  readonly flow: CompiledFlow;
}

/** What of an event decides about matching. */
export type MatchableEvent = Pick<DomainEvent, 'tenantId' | 'type' | 'data'>;

type EventTrigger = Extract<CompiledTrigger, { kind: 'event' }>;

/** A flow that may start from an event. */
export interface Match extends PublishedFlow {
  /** Its triggers for this type of event, in the order of the file: the first that fits starts the run. At least one. */
  readonly triggers: readonly EventTrigger[];
  /** Subjects that `where`, `when` or `one-per` read: their current state belongs in the scope given to {@link admit}. */
  readonly needs: ReadonlySet<Subject>;
}

/** Whether a run starts, and under which `one-per` key. */
export type Admission = { readonly starts: false } | { readonly starts: true; readonly onePer?: string };

const SUBJECTS: ReadonlySet<string> = new Set<Subject>(SUBJECT_WORDS);
const NONE: readonly Match[] = [];

/** The index of one process. Kept up to date by the flow catalogue; matching never waits. */
export class TriggerIndex {
  readonly #flows = new Map<string, PublishedFlow>();
  /** tenant → event type → matches. */
  readonly #byTenant = new Map<string, Map<string, Match[]>>();

  /** Adds a flow, in place of an earlier revision of it. */
  put(published: PublishedFlow): void {
    this.remove(published.flowId);
    this.#flows.set(published.flowId, published);
    for (const [type, triggers] of triggersByEvent(published.flow))
      this.#bucket(published.tenantId, type).push(matchOf(published, triggers));
  }

  /** Takes a flow out: disabled, or about to be replaced. Nothing happens when it is not there. */
  remove(flowId: string): void {
    const published = this.#flows.get(flowId);
    if (!published) return;
    this.#flows.delete(flowId);
    for (const type of triggersByEvent(published.flow).keys()) {
      const types = this.#byTenant.get(published.tenantId);
      const left = types?.get(type)?.filter((match) => match.flowId !== flowId) ?? [];
      if (left.length > 0) types?.set(type, left);
      else types?.delete(type);
      if (types?.size === 0) this.#byTenant.delete(published.tenantId);
    }
  }

  get(flowId: string): PublishedFlow | undefined {
    return this.#flows.get(flowId);
  }

  /** Candidates for `event`, each flow at most once. Costs as much as there are candidates. */
  match(event: MatchableEvent): readonly Match[] {
    const candidates = this.#byTenant.get(event.tenantId)?.get(event.type);
    if (!candidates) return NONE;
    return candidates.some(namesProvider) ? candidates.flatMap((match) => ofProvider(match, providerOf(event))) : candidates;
  }

  #bucket(tenantId: string, type: string): Match[] {
    const types = this.#byTenant.get(tenantId) ?? new Map<string, Match[]>();
    this.#byTenant.set(tenantId, types);
    const bucket = types.get(type) ?? [];
    types.set(type, bucket);
    return bucket;
  }
}

/**
 * Decides whether `match` starts a run. `scope` holds `event`, the flow's `vars`, and every subject in `match.needs`.
 * Triggers are alternatives: one whose `where` cannot be computed matters only when no other fits.
 *
 * @throws expression.* when a condition cannot be computed: the engine records a failed start, it never drops the event
 */
export function admit({ flow, triggers }: Pick<Match, 'flow' | 'triggers'>, scope: Scope): Admission {
  if (!anyFits(triggers, scope)) return { starts: false };
  if (flow.condition && flow.condition.evaluate(scope) !== true) return { starts: false };
  return flow.onePer ? { starts: true, onePer: keyText(flow.onePer.key.evaluate(scope)) } : { starts: true };
}

function anyFits(triggers: readonly EventTrigger[], scope: Scope): boolean {
  let problem: unknown;
  for (const { where } of triggers) {
    try {
      if (!where || where.evaluate(scope) === true) return true;
    } catch (error) {
      problem ??= error;
    }
  }
  if (problem !== undefined) throw problem;
  return false;
}

function matchOf(published: PublishedFlow, triggers: readonly EventTrigger[]): Match {
  const { condition, onePer } = published.flow;
  const reads = [...triggers.map(({ where }) => where), condition, onePer?.key].flatMap((expression) => [...(expression?.reads ?? [])]);
  return { ...published, triggers, needs: new Set(reads.filter((root): root is Subject => SUBJECTS.has(root))) };
}

function triggersByEvent(flow: CompiledFlow): Map<string, EventTrigger[]> {
  return Map.groupBy(
    flow.triggers.filter((trigger) => trigger.kind === 'event'),
    ({ event }) => event,
  );
}

function namesProvider({ triggers }: Match): boolean {
  return triggers.some(({ provider }) => provider !== undefined);
}

/** `match` with the triggers that may start from an event of `provider`; nothing when there are none. */
function ofProvider(match: Match, provider: unknown): readonly Match[] {
  const triggers = match.triggers.filter((trigger) => trigger.provider === undefined || trigger.provider === provider);
  if (triggers.length === match.triggers.length) return [match];
  return triggers.length > 0 ? [{ ...match, triggers }] : [];
}

function providerOf({ data }: MatchableEvent): unknown {
  const payment = data['payment'];
  return typeof payment === 'object' && payment !== null && 'provider' in payment ? payment.provider : undefined;
}

/** A key is a text; an object is written with its keys in order, so that the same value is always the same key. */
function keyText(value: unknown): string {
  return typeof value === 'string'
    ? value
    : JSON.stringify(value, (_, inner: unknown) =>
        isRecord(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
      );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
