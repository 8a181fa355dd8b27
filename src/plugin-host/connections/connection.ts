/** A tenant's configured use of a plugin. */
export interface Connection {
  /** `uuid`; `con_…` on the wire. */
  readonly id: string;
  readonly tenantId: string;
  /** What flows say after `via:`. */
  readonly name: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
  /**
   * `active`: in use. `paused`: the provider refused the credentials, and calls wait until a check succeeds.
   * `disabled`: a person switched it off; nothing uses it and its webhooks are not taken.
   */
  readonly state: 'active' | 'paused' | 'disabled';
  /** Used when several connections can do something and the flow names none. */
  readonly isDefault: boolean;
  /** How often it may be called, over all processes; absent: as its plugin says. */
  readonly callsPerSecond?: number;
  /** Settings that are not secret. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly lastCheck: LastCheck | undefined;
  /** Until when the settings before the last rotation count too; in the past when they no longer do. */
  readonly previousUntil?: Date;
  readonly createdAt: Date;
  readonly version: number;
}

/** How the last try of the settings against the provider went. */
export interface LastCheck {
  readonly at: string;
  readonly ok: boolean;
  /** Whose account it is, as the provider last called it. */
  readonly account?: string;
  readonly message?: string;
  readonly field?: string;
}

/** A connection with its secrets, for a call. Never leaves this process except into its plugin. */
export interface OpenConnection extends Connection {
  readonly allSettings: Readonly<Record<string, unknown>>;
  /** All settings as they were before the last rotation. Count until `previousUntil`. */
  readonly previousSettings?: Readonly<Record<string, unknown>>;
  /** Every secret text in it, to be masked wherever it might show up. */
  readonly secretTexts: readonly string[];
}

/** The connection with the settings before its last rotation, while those still count. */
export function beforeRotation(connection: OpenConnection, now: Date): OpenConnection | undefined {
  const { previousSettings, previousUntil } = connection;
  if (!previousSettings || !previousUntil || previousUntil <= now) return undefined;
  return { ...connection, allSettings: previousSettings };
}
