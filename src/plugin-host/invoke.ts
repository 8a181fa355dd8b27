/** The door to every action: see {@link ActionDoor}. */
import { Injectable, Logger } from '@nestjs/common';
import { failed, unknown, type Outcome } from '@kassaflow/plugin-sdk';
import { systemClock } from '../kernel/clock.ts';
import { isKassaflowError } from '../kernel/errors.ts';
import { Metrics } from '../platform/observability/metrics.ts';
import { ActionDoor, withNews, type ActionCall, type ActionManifest, type ChosenConnection } from './action-call.ts';
import { BuiltInActions, type BuiltInAction } from './built-in-actions.ts';
import { ConnectionLanes } from './connection-lanes.ts';
import type { OpenConnection } from './connections/connection.ts';
import { Connections } from './connections/connections.ts';
import { sendWithCredentials } from './connections/send-with-credentials.ts';
import { HttpCall, type HttpCallInput } from './http-call.ts';
import { HTTP_MANIFEST } from './http-manifest.ts';
import type { PluginManifest } from './manifest.ts';
import { checkOutcome } from './outcome-check.ts';
import { contextFor, outcomeOfChild } from './plugin-call.ts';
import { PluginCatalogue } from './plugin-catalogue.ts';
import { PluginHost } from './plugin-host.ts';
import { compileSchema, withDefaults, type Validator } from './schema-validator.ts';

type Value = Readonly<Record<string, unknown>>;
type Verb = 'run' | 'lookup';

/** Checks of one action, compiled when it is first called. */
interface Checks {
  readonly input: Validator;
  readonly output: Validator;
}

@Injectable()
export class Invoke extends ActionDoor {
  readonly #logger = new Logger('actions');
  readonly #checks = new WeakMap<object, Checks>();
  readonly #http: HttpCall;
  #manifests: { readonly builtIn: readonly object[]; readonly plugins: readonly object[]; readonly list: readonly ActionManifest[] } = {
    builtIn: [],
    plugins: [],
    list: [],
  };

  constructor(
    private readonly host: PluginHost,
    private readonly catalogue: PluginCatalogue,
    private readonly builtIns: BuiltInActions,
    private readonly connections: Connections,
    private readonly lanes: ConnectionLanes,
    private readonly metrics: Metrics,
  ) {
    super();
    this.#http = new HttpCall(host.egress.client, host.egress.rules);
  }

  /** The same list until a plugin or a built-in action is added: callers keep what they derive from it. */
  override manifests(): readonly ActionManifest[] {
    const [builtIn, plugins] = [this.builtIns.all(), this.catalogue.all()];
    if (this.#manifests.builtIn !== builtIn || this.#manifests.plugins !== plugins) {
      const own = builtIn.map(({ spec }) => ({ ...spec, plugin: 'core' }));
      this.#manifests = { builtIn, plugins, list: [...own, ...plugins.flatMap(({ actions }) => actions)] };
    }
    return this.#manifests.list;
  }

  override async resolveConnection(tenantId: string, action: string, via: string | undefined): Promise<ChosenConnection | undefined> {
    const builtIn = this.builtIns.find(action);
    const uses = builtIn?.spec.uses;
    if (builtIn && uses === undefined) return undefined;
    const fits = ({ capabilities, actions }: PluginManifest): boolean =>
      uses === undefined ? actions.some(({ name }) => name === action) : capabilities.includes(uses);
    const { id, plugin } = await this.connections.choose(tenantId, via, fits, action);
    return { id, plugin };
  }

  override async invoke(call: ActionCall): Promise<Outcome<Value>> {
    const outcome = await this.#guarded(call, 'run');
    return outcome as Outcome<Value>; // `run` never answers `ok` without a value: checkOutcome refuses it
  }

  override async lookup(call: ActionCall): Promise<Outcome<Value | undefined>> {
    return this.#guarded(call, 'lookup');
  }

  /** Measures, and turns what nobody expected into an outcome. */
  async #guarded(call: ActionCall, verb: Verb): Promise<Outcome<Value | undefined>> {
    const startedAt = systemClock.elapsed();
    let outcome: Outcome<Value | undefined>;
    try {
      outcome = await this.#route(call, verb);
    } catch (error) {
      // Before anything is sent everything is an answer, not an exception; what still throws is ours (the database is away).
      this.#logger.error({ action: call.action, run: call.runId, step: call.step, err: error }, 'an action could not be called');
      outcome =
        isKassaflowError(error) && error.spec.remedy === 'fix'
          ? failed('permanent', error.message, { code: error.code })
          : failed('temporary', 'The action could not be called', { code: 'action.not-called' });
    }
    this.metrics.stepSeconds.observe({ action: call.action }, (systemClock.elapsed() - startedAt) / 1_000);
    this.metrics.stepAttempts.inc({ action: call.action, outcome: outcome.kind });
    return outcome;
  }

  async #route(call: ActionCall, verb: Verb): Promise<Outcome<Value | undefined>> {
    const builtIn = this.builtIns.find(call.action);
    if (builtIn) return this.#callBuiltIn(builtIn, call, verb);
    if (call.connectionId === undefined)
      return failed('permanent', `The action ${call.action} needs a connection`, { code: 'connection.missing' });
    const connection = await this.connections.open(call.tenantId, call.connectionId);
    if (!connection || connection.state === 'disabled')
      return failed('permanent', 'The connection is gone or disabled', { code: 'connection.unknown' });
    if (connection.state === 'paused')
      return failed('auth', `The connection ${connection.name} is paused, because the provider refused its credentials`, {
        code: 'connection.paused',
      });
    const action = this.catalogue.find(connection.plugin)?.actions.find(({ name }) => name === call.action);
    if (!action)
      return failed('temporary', `The plugin ${connection.plugin} does not offer ${call.action} now`, { code: 'plugin.unavailable' });
    const input = withDefaults(action.input, call.input);
    const problem = this.#checksOf(action).input(input);
    if (problem) return inputProblem(problem);
    return sendWithCredentials(this.connections, connection, systemClock.now(), (as) =>
      this.lanes
        .of(connection)
        .run(call.timeoutMs, (timeoutMs) =>
          action.plugin === HTTP_MANIFEST.id
            ? this.#callHttp(as, call, input, timeoutMs)
            : this.#callPlugin(as, action, call, input, timeoutMs, verb),
        ),
    );
  }

  async #callPlugin(
    connection: OpenConnection,
    action: ActionManifest,
    call: ActionCall,
    input: Value,
    timeoutMs: number,
    verb: Verb,
  ): Promise<Outcome<Value | undefined>> {
    const result = await this.host.call(connection.plugin, {
      path: `action:${action.name}:${verb}`,
      context: contextFor(connection, call.idempotencyKey, call.attempt),
      input,
      timeoutMs,
      mayCallOut: true,
      mayLeave: call.mayLeave,
    });
    const reads = action.effect === 'read' || verb === 'lookup';
    const outcome = outcomeOfChild(result, connection, {
      check: this.#checksOf(action).output,
      changes: !reads,
      absentAllowed: verb === 'lookup',
    });
    return outcome as Outcome<Value | undefined>; // the value was checked against the action's output, an object
  }

  #callHttp(connection: OpenConnection, call: ActionCall, input: Value, timeoutMs: number): Promise<Outcome<Value>> {
    return this.#http.run(connection, input as unknown as HttpCallInput, call, timeoutMs); // checked by the schema
  }

  async #callBuiltIn(action: BuiltInAction, call: ActionCall, verb: Verb): Promise<Outcome<Value | undefined>> {
    const code = action[verb];
    if (!code) return failed('permanent', `The action ${call.action} has no ${verb}`, { code: 'action.unknown' });
    const { spec } = action;
    const input = withDefaults(spec.input, call.input);
    const problem = this.#checksOf(spec).input(input);
    if (problem) return inputProblem(problem);
    const reads = spec.effect === 'read' || verb === 'lookup';
    const answer = await withDeadline(call.timeoutMs, (signal) => code.call(action, { ...call, input }, signal)).catch((error: unknown) =>
      this.#thrown(call, error, reads),
    );
    if (answer === LATE)
      return reads ? failed('temporary', 'The action did not finish in time') : unknown('The action did not finish in time');
    const checked = checkOutcome(answer, this.#checksOf(spec).output, verb === 'lookup');
    if ('outcome' in checked) return withNews(checked.outcome as Outcome<Value | undefined>, answer); // checked against the output
    this.#logger.error({ action: call.action, problem: checked.problem }, 'a built-in action answered what its schema does not allow');
    return reads
      ? failed('permanent', `The answer is not usable: ${checked.problem}`)
      : unknown(`The answer is not usable: ${checked.problem}`);
  }

  /** One of our own errors says what is wrong before anything was changed; anything else may have happened half-way. */
  #thrown(call: ActionCall, error: unknown, reads: boolean): Outcome<never> {
    this.#logger.warn({ action: call.action, run: call.runId, step: call.step, err: error }, 'a built-in action failed');
    if (isKassaflowError(error) && error.code !== 'database.outcome-unknown') {
      const reason = error.spec.remedy === 'retry' ? 'temporary' : error.spec.status === 422 ? 'input' : 'permanent';
      return failed(reason, error.message, {
        code: error.code,
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      });
    }
    return reads ? failed('temporary', 'The action broke off') : unknown('The action broke off, and nobody knows how far it came');
  }

  #checksOf(action: BuiltInAction['spec']): Checks {
    let checks = this.#checks.get(action);
    if (!checks) {
      checks = { input: compileSchema(action.input), output: compileSchema(action.output) };
      this.#checks.set(action, checks);
    }
    return checks;
  }
}

const LATE = Symbol('late');

/** The answer of `work`, or {@link LATE}. Work that is aborted gets one turn to say itself what it came to. */
function withDeadline<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T | typeof LATE> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      controller.abort();
      setImmediate(() => resolve(LATE));
    }, timeoutMs);
    work(controller.signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

function inputProblem({ pointer, message }: { pointer: string; message: string }): Outcome<never> {
  const field = pointer.split('/')[1];
  return failed('input', `${field ?? 'The input'} ${message}`, { code: 'action.input', ...(field ? { field } : {}) });
}
