/**
 * The switches that are on and the rules of every tenant that has its own, in memory: asking costs a look-up.
 *
 * Every change raises one number in the database (`guard_change`), which each process reads four times a second; when it has grown
 * they are all read again. So a change holds everywhere within half a second, and in the process that made it at once. While the
 * database is away what was known last holds: nothing can be begun then anyway, because no intent can be written.
 */
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { messageOf } from '../platform/thrown.ts';
import { completeRules, DEFAULT_RULES, rulesSchema, type GuardRules } from './guard-rules.ts';
import type { SwitchLevel } from './switch-level.ts';

const POLL_MS = 250;

export interface ActiveSwitch {
  /** `uuid`. */
  readonly id: string;
  readonly level: SwitchLevel;
  readonly target: string;
  readonly reason: string;
}

export interface TenantRules {
  /** 0 while the tenant has said nothing. */
  readonly version: number;
  readonly rules: GuardRules;
}

const DEFAULTS: TenantRules = { version: 0, rules: DEFAULT_RULES };

@Injectable()
export class GuardBook implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('guards');
  readonly #changed = new Set<() => void>();
  #switches = new Map<string, readonly ActiveSwitch[]>();
  #rules = new Map<string, TenantRules>();
  #version = -1;
  #poll: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #silent = false;

  constructor(@Inject(EnginePool) private readonly pool: Pick<EnginePool, 'query'>) {}

  /** Reads everything before the first run goes on. */
  async onModuleInit(): Promise<void> {
    await this.refresh();
    this.#poll = setInterval(() => void this.#look(), POLL_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#poll);
    await this.#reading?.catch(() => undefined);
  }

  /** Switches of the tenant that are on; undefined when none is. */
  switchesOf(tenantId: string): readonly ActiveSwitch[] | undefined {
    return this.#switches.get(tenantId);
  }

  rulesOf(tenantId: string): TenantRules {
    return this.#rules.get(tenantId) ?? DEFAULTS;
  }

  /** Calls `listener` after every change that is read. */
  onChange(listener: () => void): void {
    this.#changed.add(listener);
  }

  /** Reads everything when something has changed; after a change of one's own. Rejects when the database is away. */
  async refresh(): Promise<void> {
    // A look that is under way may have begun before the change.
    await this.#reading?.catch(() => undefined);
    this.#reading = this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #look(): Promise<void> {
    if (this.#reading) return;
    try {
      await this.refresh();
      this.#silent = false;
    } catch (error) {
      if (!this.#silent) this.#log.warn(`switches and caps could not be read; the last known hold: ${messageOf(error)}`);
      this.#silent = true;
    }
  }

  async #read(): Promise<void> {
    const { rows } = await this.pool.query<{ version: string }>('select version::text from guard_change');
    const version = Number(rows[0]?.version ?? 0);
    if (version === this.#version) return;
    const [switches, settings] = await Promise.all([
      this.pool.query<ActiveSwitch & { tenant_id: string }>('select id, tenant_id, level, target, reason from kill_switch'),
      this.pool.query<{ tenant_id: string; version: number; rules: unknown }>('select tenant_id, version, rules from guard_settings'),
    ]);
    this.#switches = Map.groupBy(switches.rows, (row) => row.tenant_id);
    this.#rules = new Map(settings.rows.map((row) => [row.tenant_id, { version: row.version, rules: this.#parse(row) }]));
    // Older than what was just read, never newer: at worst everything is read once more.
    this.#version = version;
    for (const listener of this.#changed) listener();
  }

  /** Stored rules were checked when they were set; those of a newer version of the program may say what this one does not know. */
  #parse({ tenant_id: tenant, rules }: { readonly tenant_id: string; readonly rules: unknown }): GuardRules {
    const parsed = rulesSchema.safeParse(rules);
    if (parsed.success) return completeRules(parsed.data);
    this.#log.error({ tenant, problem: parsed.error.issues[0]?.message }, 'the guard settings cannot be read; the defaults hold');
    return DEFAULT_RULES;
  }
}
