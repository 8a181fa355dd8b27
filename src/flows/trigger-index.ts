/**
 * Which flows an event starts: tenant and event type → enabled published flows, in memory, asked for every event.
 *
 * The index holds what starts a flow (`flow-routes.ts`), not the flow: that is compiled when an event first asks for it, and may be
 * forgotten between two events. Events about a slot of a schedule or an item of a plugin's trigger are addressed: they are found by
 * their address, whatever their type's other readers are.
 *
 * A match is a candidate. Whether a run begins is decided by {@link admit}, which evaluates `where`, `when` and `one-per`;
 * most flows need only the event for that (`needs` is empty), the others need the current state of a subject first.
 */
import { isRecord } from '../kernel/record.ts';
import type { DomainEvent } from '../events/event.ts';
import { addressesOf, addressOf, routesOf, type FlowRoutes } from './flow-routes.ts';
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

/** A flow that is compiled when it is needed. */
export interface RoutedFlow extends Omit<PublishedFlow, 'flow'> {
  readonly name: string;
  readonly routes: FlowRoutes;
  /** At once; `undefined` when the flow can no longer be read: then it starts nothing. */
  compiled(): CompiledFlow | undefined;
}

/** What of an event decides about matching. */
export type MatchableEvent = Pick<DomainEvent, 'tenantId' | 'type' | 'data'>;

type EventTrigger = Extract<CompiledTrigger, { kind: 'event' }>;

/** A flow that may start from an event. */
export interface Match extends PublishedFlow {
  /**
   * Its triggers for this type of event, in the order of the file: the first that fits starts the run. Empty for an event that is
   * addressed to the flow, which has been judged already.
   */
  readonly triggers: readonly EventTrigger[];
  /** Subjects that `where`, `when` or `one-per` read: their current state belongs in the scope given to {@link admit}. */
  readonly needs: ReadonlySet<Subject>;
  /** True when every such event starts a run, without a key: {@link admit} need not be asked. */
  readonly always: boolean;
}

/** Whether a run starts, and under which `one-per` key. */
export type Admission = { readonly starts: false } | { readonly starts: true; readonly onePer?: string };

const SUBJECTS: ReadonlySet<string> = new Set<Subject>(SUBJECT_WORDS);
const NONE: readonly Match[] = [];

/** The index of one process. Kept up to date by the flow catalogue; matching never waits. */
export class TriggerIndex {
  readonly #flows = new Map<string, RoutedFlow>();
  /** tenant → event type or address → candidates. */
  readonly #byTenant = new Map<string, Map<string, Candidate[]>>();

  /** Adds a flow, in place of an earlier revision of it. */
  put(published: PublishedFlow | RoutedFlow): void {
    const routed = 'flow' in published ? routedOf(published) : published;
    this.remove(routed.flowId);
    this.#flows.set(routed.flowId, routed);
    for (const type of routed.routes.events) this.#bucket(routed.tenantId, type).push(new Candidate(routed, type));
    for (const address of addressesOf(routed.name, routed.routes))
      this.#bucket(routed.tenantId, address).push(new Candidate(routed, undefined));
  }

  /** Takes a flow out: disabled, or about to be replaced. Nothing happens when it is not there. */
  remove(flowId: string): void {
    const routed = this.#flows.get(flowId);
    if (!routed) return;
    this.#flows.delete(flowId);
    const types = this.#byTenant.get(routed.tenantId);
    for (const key of [...routed.routes.events, ...addressesOf(routed.name, routed.routes)]) {
      const left = types?.get(key)?.filter((candidate) => candidate.routed !== routed) ?? [];
      if (left.length > 0) types?.set(key, left);
      else types?.delete(key);
    }
    if (types?.size === 0) this.#byTenant.delete(routed.tenantId);
  }

  get(flowId: string): PublishedFlow | undefined {
    const routed = this.#flows.get(flowId);
    const flow = routed?.compiled();
    return routed && flow && { flowId, tenantId: routed.tenantId, revision: routed.revision, flow };
  }

  /** The revision from which a flow starts runs here; `undefined` when it starts none. */
  revisionOf(flowId: string): number | undefined {
    return this.#flows.get(flowId)?.revision;
  }

  /** Candidates for `event`, each flow at most once. Costs as much as there are candidates. */
  match(event: MatchableEvent): readonly Match[] {
    const types = this.#byTenant.get(event.tenantId);
    if (!types) return NONE;
    const candidates = types.get(event.type);
    const address = addressOf(event.type, event.data);
    const addressed = address === undefined ? undefined : types.get(address);
    if (!candidates && !addressed) return NONE;
    const matches: Match[] = [];
    for (const candidate of addressed ?? []) candidate.collect(event, matches);
    for (const candidate of candidates ?? [])
      if (!addressed?.some(({ routed }) => routed === candidate.routed)) candidate.collect(event, matches);
    return matches;
  }

  #bucket(tenantId: string, key: string): Candidate[] {
    const types = this.#byTenant.get(tenantId) ?? new Map<string, Candidate[]>();
    this.#byTenant.set(tenantId, types);
    const bucket = types.get(key) ?? [];
    types.set(key, bucket);
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
  if (triggers.length > 0 && !anyFits(triggers, scope)) return { starts: false };
  if (flow.condition && flow.condition.evaluate(scope) !== true) return { starts: false };
  return flow.onePer ? { starts: true, onePer: keyText(flow.onePer.key.evaluate(scope)) } : { starts: true };
}

/** A flow under one type of event, or under its address when `type` is absent. */
class Candidate {
  /** The match of the flow as it is compiled now. Weak: a flow that is forgotten leaves nothing behind here. */
  readonly #matches = new WeakMap<CompiledFlow, Match>();

  constructor(
    readonly routed: RoutedFlow,
    private readonly type: string | undefined,
  ) {}

  collect(event: MatchableEvent, into: Match[]): void {
    const flow = this.routed.compiled();
    if (!flow) return;
    let match = this.#matches.get(flow);
    if (!match) {
      match = matchOf(this.routed, flow, this.type);
      this.#matches.set(flow, match);
    }
    if (!match.triggers.some(({ provider }) => provider !== undefined)) into.push(match);
    else into.push(...ofProvider(match, providerOf(event)));
  }
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

function routedOf({ flow, ...rest }: PublishedFlow): RoutedFlow {
  return { ...rest, name: flow.name, routes: routesOf(flow), compiled: () => flow };
}

function matchOf({ flowId, tenantId, revision }: RoutedFlow, flow: CompiledFlow, type: string | undefined): Match {
  const triggers = flow.triggers.filter((trigger): trigger is EventTrigger => trigger.kind === 'event' && trigger.event === type);
  const reads = [...triggers.map(({ where }) => where), flow.condition, flow.onePer?.key].flatMap((one) => [...(one?.reads ?? [])]);
  const needs = new Set(reads.filter((root): root is Subject => SUBJECTS.has(root)));
  return { flowId, tenantId, revision, flow, triggers, needs, always: isUnconditional(flow, triggers) };
}

function isUnconditional({ condition, onePer }: CompiledFlow, triggers: readonly EventTrigger[]): boolean {
  return !condition && !onePer && (triggers.length === 0 || triggers.some(({ where }) => !where));
}

/** `match` with the triggers that may start from an event of `provider`; nothing when there are none. */
function ofProvider(match: Match, provider: unknown): readonly Match[] {
  const triggers = match.triggers.filter((trigger) => trigger.provider === undefined || trigger.provider === provider);
  if (triggers.length === match.triggers.length) return [match];
  return triggers.length > 0 ? [{ ...match, triggers, always: isUnconditional(match.flow, triggers) }] : [];
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
