/**
 * Takes the webhook of a removed connection back at its provider, which would otherwise deliver to nobody for as long as it tries.
 *
 * | state    | what is true                                                          | leaves by                                                    |
 * |----------|-----------------------------------------------------------------------|--------------------------------------------------------------|
 * | leaving  | removed for everybody; its credentials lie there, sealed, for this use | the provider has no address of ours → gone; otherwise → left |
 * | gone     | the provider has no address of ours, and we have no credentials        | –                                                            |
 * | left     | the provider refuses, or could not be asked for three days; as gone    | –, and the log says so: a person can remove it there         |
 *
 * A call whose answer was lost is made again: an address that is gone already is what was wanted.
 */
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Outcome } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { Database } from '../../platform/database/transaction.ts';
import { contextFor, outcomeOfChild } from '../plugin-call.ts';
import { PluginHost } from '../plugin-host.ts';
import { METHOD_SHAPES } from '../provider-shapes.ts';
import { redactText } from '../redact.ts';
import { leaveLater, type ConnectionHealth } from './connection-health.ts';
import type { OpenConnection } from './connection.ts';
import { Connections } from './connections.ts';

const UNREGISTER_MS = 30_000;
/** The last of them is three days after the first. Credentials of a removed connection are not kept for longer. */
const MOST_TRIES = 8;

@Injectable()
export class LeaveProvider {
  readonly #log = new Logger('connections');

  constructor(
    private readonly database: Database,
    private readonly connections: Connections,
    private readonly host: PluginHost,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * One try, under the lease of the look. False when the connection is not a removed one.
   * @param pauseMs until the next try
   */
  async leave(tenantId: string, { connectionId, webhookUrl, failures }: ConnectionHealth, pauseMs: number): Promise<boolean> {
    const connection = await this.connections.openRemoved(tenantId, connectionId);
    if (!connection) return false;
    const outcome = webhookUrl === null ? undefined : await this.#unregister(connection, webhookUrl);
    crashPoint('connection.webhook.before');
    if (!outcome || outcome.kind === 'ok') {
      await this.connections.forgetRemoved(tenantId, connection, 'gone');
      return true;
    }
    if (isFinal(outcome) || failures + 1 >= MOST_TRIES) {
      const problem = redactText(outcome.message, connection.secretTexts);
      const { name, plugin } = connection;
      this.#log.warn({
        message: 'the webhook of a removed connection stays at the provider',
        connection: name,
        plugin,
        webhookUrl,
        problem,
      });
      await this.connections.forgetRemoved(tenantId, connection, 'left');
      return true;
    }
    const now = this.clock.now();
    const dueAt = new Date(now.getTime() + pauseMs);
    await this.database.transact(tenantId, (tx) => leaveLater(tx, connectionId, now, dueAt));
    return true;
  }

  async #unregister(connection: OpenConnection, url: string): Promise<Outcome<unknown>> {
    const result = await this.host.call(connection.plugin, {
      path: 'webhook.unregister',
      context: contextFor(connection, '', 1),
      input: { url },
      timeoutMs: UNREGISTER_MS,
      mayCallOut: true,
    });
    return outcomeOfChild(result, connection, METHOD_SHAPES['webhook.unregister']);
  }
}

function isFinal(outcome: Outcome<unknown>): boolean {
  if (outcome.kind === 'declined') return true;
  return outcome.kind === 'failed' && outcome.reason !== 'temporary' && outcome.reason !== 'rate-limited';
}
