/** Tries a connection's settings against the provider and writes down how it went. */
import { Injectable } from '@nestjs/common';
import type { CheckResult } from '@kassaflow/plugin-sdk';
import { systemClock } from '../kernel/clock.ts';
import { connectionErrors } from './connections/connection-errors.ts';
import type { Connection, LastCheck, OpenConnection } from './connections/connection.ts';
import { Connections } from './connections/connections.ts';
import { HttpCall } from './http-call.ts';
import { HTTP_MANIFEST } from './http-manifest.ts';
import { contextFor } from './plugin-call.ts';
import { PluginHost } from './plugin-host.ts';
import { checkCheckResult } from './provider-shapes.ts';
import { redactText } from './redact.ts';

const CHECK_MS = 15_000;

/** How a try of a connection went. */
export interface TriedConnection {
  readonly check: LastCheck;
  readonly refused: boolean;
}

@Injectable()
export class ConnectionChecks {
  readonly #http: HttpCall;

  constructor(
    private readonly host: PluginHost,
    private readonly connections: Connections,
  ) {
    this.#http = new HttpCall(host.egress.client, host.egress.rules);
  }

  /**
   * Runs the plugin's check. A good result ends a pause; a refusal by the provider begins one; when the provider could not
   * be asked, the state stays as it is. @throws connection.unknown
   */
  async check(tenantId: string, id: string): Promise<Connection> {
    const connection = await this.connections.open(tenantId, id);
    if (!connection) throw connectionErrors.unknown();
    const { check, refused } = await this.try(connection);
    const account = check.account ?? connection.lastCheck?.account;
    return this.connections.noteCheck(tenantId, id, { ...check, ...(account !== undefined && { account }) }, refused);
  }

  /** Tries a connection and writes nothing down. `refused`: the provider was asked, and it is the settings that do not do. */
  try(connection: OpenConnection): Promise<TriedConnection> {
    return connection.plugin === HTTP_MANIFEST.id ? this.#checkHttp(connection) : this.#checkPlugin(connection);
  }

  async #checkHttp(connection: OpenConnection): Promise<TriedConnection> {
    const { ok, message, refused } = await this.#http.check(connection, AbortSignal.timeout(CHECK_MS));
    return { check: { at: now(), ok, ...(message === undefined ? {} : { message }) }, refused };
  }

  async #checkPlugin(connection: OpenConnection): Promise<TriedConnection> {
    const result = await this.host.call(connection.plugin, {
      path: 'connection.check',
      context: contextFor(connection, '', 1),
      input: null,
      timeoutMs: CHECK_MS,
      mayCallOut: true,
    });
    if (result.kind !== 'answer')
      return { check: { at: now(), ok: false, message: 'The plugin could not check the connection' }, refused: false };
    const problem = checkCheckResult(result.value);
    if (problem)
      return {
        check: { at: now(), ok: false, message: `The plugin’s answer is not usable: ${problem.pointer} ${problem.message}` },
        refused: false,
      };
    const answer = result.value as CheckResult; // the shape was just checked
    if (!answer.ok)
      return {
        check: {
          at: now(),
          ok: false,
          message: redactText(answer.message, connection.secretTexts),
          ...(answer.field === undefined ? {} : { field: answer.field }),
        },
        // A provider that is away blames no setting, and pausing for it would keep payments from a provider that is back.
        refused: answer.field !== undefined,
      };
    if (answer.mode !== connection.mode)
      return {
        check: { at: now(), ok: false, message: `These are ${answer.mode} credentials, and the connection is for ${connection.mode}` },
        refused: true,
      };
    return { check: { at: now(), ok: true, account: answer.account }, refused: false };
  }
}

function now(): string {
  return systemClock.now().toISOString();
}
