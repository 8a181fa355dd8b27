/**
 * The plugin as it runs in production: in a child process, through the host's gateway, under the host's watchdog. The SDK knows nothing of
 * the host, so the host gives this door; where nobody gives one (in an author's own test runner) the tests that need it are left out.
 */
export interface ProductionDoor {
  /** Starts the plugin; `origins` leads requests for a host of the manifest to a server on this machine. */
  start(plugin: {
    readonly folder: string;
    readonly entry: string;
    readonly id: string;
    readonly origins: Readonly<Record<string, string>>;
  }): Promise<PluginInProduction>;
}

export interface PluginInProduction {
  /** Why the host does not take the plugin; absent when it runs. */
  readonly refusal?: { readonly code: string; readonly message: string };
  /** Calls a method by its path, `payments.create`; what comes is what the host makes of the child. */
  call(call: {
    readonly path: string;
    readonly input: unknown;
    readonly settings: Readonly<Record<string, unknown>>;
    readonly key: string;
    readonly timeoutMs: number;
  }): Promise<{ readonly kind: string; readonly value?: unknown; readonly left?: boolean }>;
  stop(): Promise<void>;
}
