/**
 * What starts a flow, and nothing else of it: plain data, stored with each revision, so that a process with 10,000 flows knows
 * where events go without reading their texts.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../events/canonical-json.ts';
import type { CompiledFlow } from './language/compiled-flow.ts';

/** A schedule; `cron` and `timeZone` name it within its flow. */
export interface ScheduleRoute {
  /** Five fields. */
  readonly cron: string;
  readonly timeZone: string;
  readonly missed: 'run-once' | 'skip' | 'all';
}

/** A trigger of a plugin; flows with the same name, connection and settings share one source. */
export interface TriggerRoute {
  /** Names the three below: 32 hexadecimal digits. */
  readonly source: string;
  readonly trigger: string;
  readonly via?: string | undefined;
  readonly with: Readonly<Record<string, unknown>>;
}

export interface FlowRoutes {
  /** Types of events, each once. */
  readonly events: readonly string[];
  readonly schedules: readonly ScheduleRoute[];
  readonly triggers: readonly TriggerRoute[];
}

/** Types of the events that are addressed to single flows: they start nothing else, unless a flow names the type itself. */
export const SCHEDULED = 'flow.scheduled';
export const FIRED = 'trigger.fired';

const routesSchema = z.object({
  events: z.array(z.string()),
  schedules: z.array(z.object({ cron: z.string(), timeZone: z.string(), missed: z.enum(['run-once', 'skip', 'all']) })),
  triggers: z.array(
    z.object({ source: z.string(), trigger: z.string(), via: z.string().optional(), with: z.record(z.string(), z.unknown()) }),
  ),
});

export function routesOf({ triggers }: CompiledFlow): FlowRoutes {
  const events = new Set<string>();
  const schedules = new Map<string, ScheduleRoute>();
  const sources = new Map<string, TriggerRoute>();
  for (const trigger of triggers) {
    if (trigger.kind === 'event') events.add(trigger.event);
    if (trigger.kind === 'schedule') {
      const { cron, timeZone, missed } = trigger;
      schedules.set(scheduleKey({ cron, timeZone }), { cron, timeZone, missed });
    }
    if (trigger.kind === 'plugin') {
      const source = sourceOf(trigger.trigger, trigger.via, trigger.with);
      const { trigger: name, via, with: input } = trigger;
      sources.set(source, { source, trigger: name, ...(via !== undefined && { via }), with: input });
    }
  }
  return { events: [...events], schedules: [...schedules.values()], triggers: [...sources.values()] };
}

/** Routes as they were stored; `undefined` when they were not, or by a version that says other things. */
export function readRoutes(stored: unknown): FlowRoutes | undefined {
  return routesSchema.safeParse(stored).data;
}

/** Names a schedule within its flow: the same words in another revision are the same schedule. */
export function scheduleKey({ cron, timeZone }: Pick<ScheduleRoute, 'cron' | 'timeZone'>): string {
  return `${cron} ${timeZone}`;
}

/** To whom an event is addressed, as {@link addressesOf} has it; `undefined` for every ordinary event. */
export function addressOf(type: string, data: Readonly<Record<string, unknown>>): string | undefined {
  if (type === SCHEDULED) {
    const parsed = scheduledSchema.safeParse(data).data?.schedule;
    return parsed && `${type} ${parsed.flow} ${scheduleKey(parsed)}`;
  }
  if (type === FIRED) {
    const source = firedSchema.safeParse(data).data?.trigger.source;
    return source && `${type} ${source}`;
  }
  return undefined;
}

/** Addresses under which a flow is reached. */
export function addressesOf(flow: string, { schedules, triggers }: FlowRoutes): string[] {
  return [
    ...schedules.map((schedule) => `${SCHEDULED} ${flow} ${scheduleKey(schedule)}`),
    ...triggers.map(({ source }) => `${FIRED} ${source}`),
  ];
}

const scheduledSchema = z.object({ schedule: z.object({ flow: z.string(), cron: z.string(), timeZone: z.string() }) });
const firedSchema = z.object({ trigger: z.object({ source: z.string() }) });

function sourceOf(trigger: string, via: string | undefined, input: Readonly<Record<string, unknown>>): string {
  return hash('sha256', canonicalJson([trigger, via ?? null, input]), 'hex').slice(0, 32);
}
