/** How the recorded journals came about: a flow, how the provider behaves, and what happens meanwhile. */
import { declined, failed, unknown } from '@kassaflow/plugin-sdk';
import { eventSchemas } from '../../src/events/catalogue/catalogue.ts';
import { subjectSchemas } from '../../src/events/catalogue/subjects.ts';
import { compileSource } from '../../src/flows/language/compile.ts';
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';
import type { JsonSchema } from '../../src/flows/language/shape.ts';
import { manifest, Provider } from '../../src/runs/conformance/provider.ts';
import { MemoryEngine } from '../../src/runs/memory/memory-engine.ts';
import { MemoryStore } from '../../src/runs/memory/memory-store.ts';
import { recordingFile, type RecordingFile } from '../../src/runs/repair/recording-file.ts';
import { recordedActions } from '../../src/runs/repair/silent-door.ts';
import type { RunFacts } from '../../src/runs/run.ts';
import { z } from 'zod';

export interface Recorded {
  readonly name: string;
  /** The steps and everything behind `on:`, as YAML. */
  readonly flow: string;
  readonly script?: (provider: Provider, world: World) => void;
  /** What happens once the run has come to rest for the first time. */
  readonly then?: (world: World) => Promise<void>;
}

export interface World {
  readonly engine: MemoryEngine;
  readonly run: string;
  readonly provider: Provider;
  /** Lets time pass up to `hours` after the start. */
  readonly until: (hours: number) => Promise<void>;
  /** The process has died, and another one takes the run up. */
  takenUp(): Promise<void>;
}

const START = Date.UTC(2026, 10, 21, 9);
const HOUR = 3_600_000;
const PUBLIC_URL = 'http://localhost:4400';

const text = { type: 'string' } as const;
const anything = {
  type: 'object',
  properties: { to: text, amount: { type: 'object', format: 'money' } },
  additionalProperties: true,
} as const;
const manifests = [
  manifest('test.keyed', 'keyed', { movesMoney: true, input: anything }),
  manifest('test.lookup', 'lookup', { input: anything }),
  manifest('test.once', 'once', { input: anything }),
  manifest('test.read', 'read', { input: anything }),
];

/** Runs the flow and gives what it recorded. Ids and times are the same each time. */
export async function record({ name, flow, script, then }: Recorded): Promise<RecordingFile> {
  const provider = new Provider(manifests);
  const source = `kassaflow: 1\nflow: ${name}\non: custom.started\n${flow}`;
  const compiled = compiledFrom(source);
  const world = new RecordedWorld(provider, compiled, factsFor(compiled));
  script?.(provider, world);
  await world.begin();
  await then?.(world);
  return recordingFile({
    flow: name,
    publicUrl: PUBLIC_URL,
    facts: world.facts,
    source,
    actions: recordedActions(manifests, source),
    entries: world.store.runs.get(world.facts.id)?.entries ?? [],
  });
}

class RecordedWorld implements World {
  readonly store = new MemoryStore();
  engine: MemoryEngine;
  #ids = 0;

  constructor(
    readonly provider: Provider,
    private readonly flow: CompiledFlow,
    readonly facts: RunFacts,
  ) {
    this.engine = this.#engineAt(START);
  }

  get run(): string {
    return this.facts.id;
  }

  async begin(): Promise<void> {
    this.engine.start(this.flow, this.facts);
    await this.engine.settle(START);
  }

  readonly until = (hours: number): Promise<void> => this.engine.settle(START + hours * HOUR);

  async takenUp(): Promise<void> {
    const { now } = this.engine;
    this.engine = this.#engineAt(now);
    this.engine.resume();
    await this.engine.settle(now);
  }

  #engineAt(startAt: number): MemoryEngine {
    return new MemoryEngine({
      store: this.store,
      door: this.provider,
      startAt,
      settings: { publicUrl: PUBLIC_URL },
      newId: () => uuidOf((this.#ids += 1)),
      flows: (name) => compiledFrom(`kassaflow: 1\nflow: ${name}\non:\n  manual: {}\nsteps:\n  - do: test.keyed\n`),
    });
  }
}

export const recordings: readonly Recorded[] = [
  {
    name: 'straight',
    flow: `vars: { team: finance }
steps:
  - id: looked
    do: test.read
    with: { to: "{{ event.customer }}" }
  - set: { greeting: "Dear {{ event.customer }}" }
  - id: paid
    do: test.keyed
    with: { amount: =event.amount, to: =vars.greeting }
  - if: steps.paid.outcome == "ok"
    then:
      - do: test.once
        with: { to: =steps.paid.reference }
    else:
      - fail: not paid
  - choose:
      - if: vars.team == "sales"
        then: [{ do: test.lookup }]
      - else: [{ emit: custom.told, with: { who: =event.customer } }]
  - if: event.customer == "nobody"
    do: test.once
`,
  },
  {
    name: 'declined',
    flow: `steps:
  - id: paid
    do: test.keyed
  - if: steps.paid.outcome == "declined"
    stop: "declined: {{ steps.paid.code }}"
`,
    script: (provider) => provider.script('test.keyed', () => declined('insufficient-funds', 'Not enough money')),
  },
  {
    name: 'retries',
    flow: 'steps:\n  - do: test.keyed\n  - do: test.once\n',
    script: (provider) => {
      provider.script(
        'test.keyed',
        () => failed('temporary', 'Busy'),
        () => failed('rate-limited', 'Slow', { retryAfterMs: 60_000 }),
        () => failed('auth', 'Key revoked'),
      );
      provider.script('test.once', () => failed('temporary', 'Busy'));
    },
    then: ({ until }) => until(48),
  },
  {
    name: 'failed-and-retried',
    flow: 'steps:\n  - do: test.once\n  - do: test.keyed\non-failure:\n  - do: test.lookup\n    with: { to: "{{ error.message }}" }\n',
    script: (provider) =>
      provider.script(
        'test.keyed',
        () => failed('permanent', 'Closed'),
        () => failed('input', 'Still closed'),
      ),
    then: async ({ engine, run, until }) => {
      engine.order(run, { kind: 'retry', by: 'key/kim', why: 'opened again' });
      await until(1);
      engine.order(run, { kind: 'retry', by: 'key/kim' });
      await until(2);
    },
  },
  {
    name: 'unknown-outcomes',
    flow: 'steps:\n  - do: test.keyed\n  - do: test.lookup\n  - do: test.once\n',
    script: (provider) => {
      for (const action of ['test.keyed', 'test.lookup', 'test.once']) provider.script(action, () => unknown('Connection reset'));
    },
    then: async ({ engine, run, until }) => {
      await until(24);
      engine.order(run, {
        kind: 'resolve',
        by: 'key/kim',
        why: 'the book says so',
        resolution: { decision: 'done', output: { found: 7 } },
      });
      await until(25);
    },
  },
  {
    name: 'crashes',
    flow: 'steps:\n  - do: test.keyed\n  - wait: 1h\n  - do: test.lookup\n',
    script: (provider, world) => {
      const dies = () => {
        world.engine.crash();
        return new Promise<never>(() => undefined);
      };
      provider.script('test.keyed', dies);
      provider.script('test.lookup', dies);
    },
    then: async (world) => {
      await world.takenUp();
      await world.until(2);
      await world.takenUp();
      await world.until(48);
    },
  },
  {
    name: 'waits',
    flow: 'timezone: Europe/Amsterdam\nsteps:\n  - wait: 90 min\n  - wait: 1d\n    at: "09:00"\n  - do: test.keyed\n',
    then: ({ until }) => until(72),
  },
  {
    name: 'parallel',
    flow: `steps:
  - parallel:
      books: [{ do: test.keyed }, { wait: 1h }, { do: test.once }]
      text: [{ do: test.lookup }]
      broken: [{ wait: 30 min }, { fail: no stock }]
    when-one-fails: stop-others
`,
    then: ({ until }) => until(3),
  },
  {
    name: 'left',
    flow: `steps:
  - parallel:
      books: [{ do: test.keyed }, { wait: 1h }, { do: test.once }]
      broken: [{ wait: 30 min }, { fail: no stock }]
    when-one-fails: finish-others
    on-failure: continue
  - do: test.lookup
`,
    then: ({ until }) => until(3),
  },
  {
    name: 'handled',
    flow: `steps:
  - do: test.keyed
    on-failure:
      - do: test.once
        with: { to: "{{ error.message }}" }
  - do: test.keyed
    on-failure: continue
`,
    script: (provider) =>
      provider.script(
        'test.keyed',
        () => failed('permanent', 'Closed'),
        () => failed('permanent', 'Closed'),
      ),
  },
  {
    name: 'timed-out',
    flow: 'timeout: 1h\nsteps:\n  - do: test.keyed\n  - wait: 2h\non-failure:\n  - do: test.once\n',
    then: ({ until }) => until(4),
  },
  {
    name: 'cancelled',
    flow: 'steps:\n  - do: test.keyed\n  - wait: 2h\n  - do: test.once\n',
    then: async ({ engine, run, until }) => {
      engine.order(run, { kind: 'cancel', by: 'key/kim', why: 'not wanted any more' });
      await until(1);
    },
  },
  {
    name: 'undone',
    flow: `steps:
  - id: paid
    do: test.keyed
    undo:
      - do: test.lookup
        with: { to: =steps.paid.reference }
  - do: test.once
    undo:
      - do: test.read
  - wait: 2h
`,
    then: async ({ engine, run, until }) => {
      engine.order(run, { kind: 'cancel', by: 'key/kim', undo: true });
      await until(3);
    },
  },
  {
    name: 'undo-that-fails',
    flow: `steps:
  - do: test.keyed
    undo:
      - do: test.lookup
  - do: test.keyed
    undo:
      - do: test.read
  - fail: no stock
`,
    script: (provider) => provider.script('test.read', () => failed('permanent', 'Closed')),
  },
  {
    name: 'moved',
    flow: 'steps:\n  - do: test.keyed\n  - wait: 2h\n  - do: test.once\n',
    then: async ({ engine, run, until }) => {
      engine.order(run, { kind: 'move', by: 'key/kim', why: 'a new text', revision: 2 });
      await until(3);
    },
  },
  {
    name: 'repeat',
    flow: `vars: { tries: 0 }
steps:
  - repeat: 4
    until: vars.tries == 3
    every: 1h
    steps:
      - set: { tries: =vars.tries + 1 }
      - do: test.keyed
        with: { to: "{{ vars.tries }}" }
    otherwise:
      - fail: never
`,
    then: ({ until }) => until(12),
  },
  {
    name: 'for-each',
    flow: `steps:
  - for-each: =event.lines
    as: line
    at-once: 2
    steps:
      - do: test.once
        with: { to: =line.to }
      - wait: 10 min
`,
    then: ({ until }) => until(3),
  },
  {
    name: 'wait-for',
    flow: `steps:
  - id: told
    wait-for: custom.answered
    where: event.customer == "kim"
    timeout: 3d
  - do: test.keyed
    with: { to: =steps.told.data.customer }
  - id: again
    wait-for: custom.answered
    where: event.customer == "bo"
    timeout: 1h
    on-timeout:
      - do: test.once
`,
    then: async ({ engine, until }) => {
      const data = { customer: 'kim' };
      engine.arrive({ id: uuidOf(900), type: 'custom.answered', occurredAt: new Date(START), data: { customer: 'bo' } });
      engine.arrive({ id: uuidOf(901), type: 'custom.answered', occurredAt: new Date(START), data });
      await until(4);
    },
  },
  {
    name: 'ask',
    flow: `steps:
  - id: asked
    ask: "Refund {{ event.customer }}?"
    who: finance
    choices: [approve, reject]
    timeout: 2d
  - if: steps.asked.choice == "approve"
    do: test.keyed
`,
    then: async ({ engine, run, until }) => {
      engine.answer(run, '0', 'approve', 'key/kim', 'a good customer');
      await until(1);
    },
  },
  {
    name: 'sub-flow',
    flow: `steps:
  - id: child
    run: child-flow
  - if: steps.child.status == "completed"
    do: test.keyed
  - run: child-flow
    and: continue
`,
    then: ({ until }) => until(1),
  },
  {
    name: 'repaired',
    flow: 'steps:\n  - do: test.keyed\n    with: { to: kim }\n  - id: second\n    do: test.once\n  - wait: 30d\n  - do: test.lookup\n    with: { to: =steps.second.by }\n',
    script: (provider) => {
      provider.script('test.keyed', () => failed('input', 'No such customer'));
      provider.script('test.once', () => failed('permanent', 'No such number'));
    },
    then: async ({ engine, run, until }) => {
      engine.order(run, { kind: 'edit', by: 'key/kim', why: 'a typing error', input: { to: 'bo' } });
      await until(1);
      engine.order(run, { kind: 'skip', by: 'key/kim', why: 'told by telephone', output: { by: 'telephone' } });
      await until(2);
      engine.order(run, { kind: 'resume', by: 'key/kim', why: 'asked for' });
      await until(3);
    },
  },
];

function compiledFrom(source: string): CompiledFlow {
  const events = new Map([...eventSchemas()].map(([type, schema]) => [type, schema as JsonSchema])); // z.toJSONSchema gives plain JSON Schema
  const subjects = Object.fromEntries(Object.entries(subjectSchemas).map(([name, schema]) => [name, z.toJSONSchema(schema) as JsonSchema]));
  return compileSource(source, { events, subjects, actions: manifests });
}

function factsFor({ onePer }: CompiledFlow): RunFacts {
  const data = { customer: 'kim', amount: { amount: '12.50', currency: 'EUR' }, lines: [{ to: 'a' }, { to: 'b' }, { to: 'c' }] };
  const event = { id: uuidOf(801), type: 'custom.started', occurredAt: new Date(START), data };
  return { id: uuidOf(800), tenantId: uuidOf(802), flowId: uuidOf(803), revision: 1, event, ...(onePer && { onePer: 'kim' }) };
}

/** The same id each time. */
function uuidOf(number: number): string {
  return `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}
