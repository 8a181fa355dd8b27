import type { Agent } from 'node:http';

/** What the host gives to every call of a plugin. A plugin sees one connection of one tenant, and nothing else. */
export interface Context<Settings = unknown> {
  /** The connection's settings, with the secrets in clear. Never keep or log them. */
  readonly settings: Readonly<Settings>;
  readonly connection: { readonly id: string; readonly name: string };
  /** A test connection must never reach real money; a plugin refuses a live key in test mode and the reverse. */
  readonly mode: 'test' | 'live';
  /** Stable over all attempts, restarts and machines for this step. Empty for reads, verifications and checks. */
  readonly idempotencyKey: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted when the step's time is over, the run is cancelled or the host stops. */
  readonly signal: AbortSignal;
  /**
   * `fetch` through the host's egress gateway: only hosts of the manifest, TLS and time-outs by the host, redirects off.
   * Write `https://…` addresses as usual. A refusal by the gateway rejects with an error whose `code` is `EGRESS_REFUSED`.
   */
  readonly fetch: typeof fetch;
  /**
   * An agent for libraries built on `node:http` that leads to the same gateway. The library must be told to speak plain
   * `http` to the provider's host name; the gateway turns it into TLS.
   */
  readonly agent: Agent;
  readonly log: Log;
  /** The present moment by the host's clock. */
  now(): Date;
}

/** Structured lines in the host's log, with the plugin and connection added and secrets redacted. */
export interface Log {
  info(message: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void;
}
