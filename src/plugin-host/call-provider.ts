/** Domain modules' and the webhook door's way to a provider: see {@link ProviderCalls}. */
import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  failed,
  type HostedFields,
  type Outcome,
  type ProviderSignal,
  type ProviderTraits,
  type RawWebhook,
  type Verdict,
} from '@kassaflow/plugin-sdk';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { ConnectionLanes } from './connection-lanes.ts';
import { beforeRotation, type OpenConnection } from './connections/connection.ts';
import { connectionErrors } from './connections/connection-errors.ts';
import { Connections } from './connections/connections.ts';
import { DeliveryNotes } from './connections/delivery-notes.ts';
import { sendWithCredentials } from './connections/send-with-credentials.ts';
import { contextFor, outcomeOfChild } from './plugin-call.ts';
import { PluginCatalogue } from './plugin-catalogue.ts';
import { pluginErrors } from './plugin-errors.ts';
import { PluginHost } from './plugin-host.ts';
import type { ChildResult } from './plugin-runner.ts';
import { ProviderCalls, type ProviderCall, type ProviderMethod, type WebhookConnection } from './provider-calls.ts';
import { checkSignals, checkVerdict, METHOD_SHAPES } from './provider-shapes.ts';

/** Checking a signature is arithmetic; a plugin that needs longer is stuck. */
const VERIFY = { timeoutMs: 5_000, mayCallOut: false };
/** Reading a delivery may take a question: some providers do not repeat our reference on a dispute. */
const TRANSLATE = { timeoutMs: 10_000, mayCallOut: true };
/** How old a connection in memory may be when a delivery does not fit it. */
const LOOK_AGAIN_MS = 250;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@Injectable()
export class CallProvider extends ProviderCalls {
  readonly #logger = new Logger('provider-calls');

  constructor(
    private readonly host: PluginHost,
    private readonly catalogue: PluginCatalogue,
    private readonly connections: Connections,
    private readonly lanes: ConnectionLanes,
    private readonly notes: DeliveryNotes,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super();
  }

  override async call<T>(call: ProviderCall): Promise<Outcome<T>> {
    try {
      return (await this.#call(call)) as Outcome<T>; // METHOD_SHAPES has checked it to be what the SDK promises for the method
    } catch (error) {
      this.#logger.error({ method: call.method, err: error }, 'a provider could not be called');
      return failed('temporary', 'The provider could not be called', { code: 'action.not-called' });
    }
  }

  override async has(connectionId: string, method: ProviderMethod | 'webhook.verify'): Promise<boolean> {
    const connection = await this.connections.openByIdAlone(connectionId);
    return connection !== undefined && (this.catalogue.find(connection.plugin)?.methods.includes(method) ?? false);
  }

  override async keyTtlMs(connectionId: string): Promise<number> {
    const connection = await this.connections.openByIdAlone(connectionId);
    return (connection && this.catalogue.find(connection.plugin)?.paymentsKeyTtlMs) ?? 0;
  }

  override async traits(connectionId: string): Promise<ProviderTraits> {
    const connection = await this.connections.openByIdAlone(connectionId);
    return (connection && this.catalogue.find(connection.plugin)?.paymentsTraits) ?? {};
  }

  override async hostedFields(connectionId: string): Promise<HostedFields | undefined> {
    const connection = await this.connections.openByIdAlone(connectionId);
    return connection && this.catalogue.find(connection.plugin)?.hostedFields;
  }

  override async findWebhookConnection(plugin: string, connectionId: string): Promise<WebhookConnection | undefined> {
    if (!UUID.test(connectionId)) return undefined;
    const connection = await this.connections.openByIdAlone(connectionId);
    if (!connection || connection.plugin !== plugin || connection.state === 'disabled') return undefined;
    if (!this.catalogue.find(plugin)?.capabilities.includes('webhook')) return undefined;
    return { tenantId: connection.tenantId, connectionId, plugin, mode: connection.mode };
  }

  /**
   * With the connection's secrets, and then with those before its last rotation: a delivery may have been signed before it.
   * @throws plugin.unavailable, plugin.answer: the door answers 5xx and the provider sends it again
   */
  override async verify(connection: WebhookConnection, delivery: RawWebhook): Promise<Verdict> {
    const opened = await this.#openForWebhook(connection);
    let verdict = await this.#verifyWithAll(opened, delivery);
    if (isMismatch(verdict)) {
      // Another process may have stored the secret just now. Whoever forges deliveries makes us look no oftener than that.
      const newest = await this.connections.openNewest(opened.tenantId, opened.id, LOOK_AGAIN_MS);
      if (newest && newest.version !== opened.version) verdict = await this.#verifyWithAll(newest, delivery);
    }
    this.notes.note(connection, verdict, this.catalogue.find(connection.plugin)?.methods.includes('webhook.register') ?? false);
    return verdict;
  }

  /** @throws as {@link verify} */
  override async translate(connection: WebhookConnection, delivery: RawWebhook): Promise<readonly ProviderSignal[]> {
    const value = await this.#webhook(await this.#openForWebhook(connection), 'webhook.translate', delivery, TRANSLATE);
    const problem = checkSignals(value);
    if (problem) throw pluginErrors.answer({ plugin: connection.plugin, problem: `its signals ${problem.pointer} ${problem.message}` });
    return value as readonly ProviderSignal[]; // the shape was just checked
  }

  async #call({ tenantId, connectionId, method, input, idempotencyKey, attempt, timeoutMs }: ProviderCall): Promise<Outcome<unknown>> {
    const connection = await this.connections.open(tenantId, connectionId);
    if (!connection || connection.state === 'disabled')
      return failed('permanent', 'The connection is gone or disabled', { code: 'connection.unknown' });
    if (connection.state === 'paused')
      return failed('auth', `The connection ${connection.name} is paused, because the provider refused its credentials`, {
        code: 'connection.paused',
      });
    const manifest = this.catalogue.find(connection.plugin);
    if (manifest && !manifest.methods.includes(method))
      return failed('permanent', `The plugin ${connection.plugin} cannot do ${method}`, { code: 'plugin.capability' });
    return sendWithCredentials(this.connections, connection, this.clock.now(), (as) =>
      this.lanes.of(connection).run(timeoutMs, async (left) => {
        const result = await this.host.call(connection.plugin, {
          path: method,
          context: contextFor(as, idempotencyKey, attempt),
          input,
          timeoutMs: left,
          mayCallOut: true,
        });
        return outcomeOfChild(result, as, METHOD_SHAPES[method]);
      }),
    );
  }

  async #verifyWithAll(connection: OpenConnection, delivery: RawWebhook): Promise<Verdict> {
    const verdict = await this.#verify(connection, delivery);
    const before = isMismatch(verdict) && beforeRotation(connection, this.clock.now());
    const second = before ? await this.#verify(before, delivery) : verdict;
    return second.ok ? second : verdict;
  }

  async #openForWebhook({ tenantId, connectionId }: WebhookConnection): Promise<OpenConnection> {
    const connection = await this.connections.open(tenantId, connectionId);
    if (!connection) throw connectionErrors.unknown();
    return connection;
  }

  async #verify(connection: OpenConnection, delivery: RawWebhook): Promise<Verdict> {
    const value = await this.#webhook(connection, 'webhook.verify', delivery, VERIFY);
    const problem = checkVerdict(value);
    if (problem) throw pluginErrors.answer({ plugin: connection.plugin, problem: `its verdict ${problem.pointer} ${problem.message}` });
    return value as Verdict; // the shape was just checked
  }

  async #webhook(connection: OpenConnection, path: string, delivery: RawWebhook, limits: typeof VERIFY): Promise<unknown> {
    const { plugin } = connection;
    const input = { ...delivery, body: Buffer.from(delivery.body).toString('base64') };
    const result = await this.host.call(plugin, {
      path,
      context: contextFor(connection, '', 1),
      input,
      ...limits,
    });
    if (result.kind === 'answer') return result.value;
    const problem = problemOf(result, connection);
    this.#logger.warn({ plugin, path, result: result.kind, problem }, 'a webhook could not be read');
    // Whoever sends the delivery learns nothing of why; the inbox, which calls for a translation, keeps it for an operator.
    throw pluginErrors
      .unavailable({ plugin, ...(limits === TRANSLATE && { problem }) })
      .after(result.kind === 'unavailable' ? result.retryAfterMs : 1_000);
  }
}

function isMismatch(verdict: Verdict): boolean {
  return !verdict.ok && verdict.reason === 'signature-mismatch';
}

function problemOf(result: Exclude<ChildResult, { kind: 'answer' }>, connection: OpenConnection): string {
  const outcome = outcomeOfChild(result, connection, { check: () => undefined, changes: false, absentAllowed: true });
  return outcome.kind === 'failed' ? outcome.message : outcome.kind;
}
