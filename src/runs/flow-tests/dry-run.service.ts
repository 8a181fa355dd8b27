import { Injectable } from '@nestjs/common';
import { defineErrors } from '../../kernel/errors.ts';
import { idErrors, idOf } from '../../kernel/ids.ts';
import type { DomainEvent } from '../../events/event.ts';
import { EventReader } from '../../events/event-reader.ts';
import { flowErrors } from '../../flows/flow-errors.ts';
import { Flows, fieldProblem } from '../../flows/flows.service.ts';
import { checkFlow } from '../../flows/language/check/check-flow.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { compile, compileSource } from '../../flows/language/compile.ts';
import type { Vocabulary } from '../../flows/language/vocabulary.ts';
import { runErrors } from '../run.errors.ts';
import { compareRevisions, type Comparison, type RecordedEvent } from './compare-revisions.ts';
import { dryRun, dryRunOfEvent, type DryRun, type GivenEvent } from './dry-run.ts';
import { payloadProblem } from './payloads.ts';

export const dryRunErrors = defineErrors('dry-run', {
  'event-invalid': {
    status: 422,
    title: 'The event does not fit the event catalogue',
    remedy: 'fix',
    help: 'GET /v1/event-types shows what each type carries.',
  },
});

/** A text, or a published flow by its name. */
export type FlowChoice = { readonly source: string } | { readonly flow: string; readonly revision?: number | undefined };

/** Which event to try: one of the log by its wire id, or one that is made up. */
export type EventChoice = { readonly id: string } | GivenEvent;

/** The most events over which two revisions are compared. */
export const MOST_EVENTS = 100;

/** What flows would do, without effects: for one event, and for the last ones that were recorded. */
@Injectable()
export class DryRuns {
  constructor(
    private readonly flows: Flows,
    private readonly events: EventReader,
  ) {}

  /** @throws flow.invalid, flow.not-found, id.format, dry-run.event-invalid */
  async tryEvent(tenantId: string, choice: FlowChoice, event: EventChoice): Promise<DryRun> {
    const vocabulary = await this.flows.vocabularyOf(tenantId);
    const flow = await this.#flow(tenantId, choice, vocabulary);
    return dryRunOfEvent(flow, vocabulary, await this.#event(tenantId, event));
  }

  /** A flow that a person starts. What is not given is filled in. @throws flow.invalid, flow.not-found, runs.not-manual, runs.input-invalid */
  async tryInputs(tenantId: string, choice: FlowChoice, inputs: Readonly<Record<string, unknown>>, at: Date): Promise<DryRun> {
    const vocabulary = await this.flows.vocabularyOf(tenantId);
    const flow = await this.#flow(tenantId, choice, vocabulary);
    refuseUnknown(flow, inputs);
    return dryRun(flow, vocabulary, { kind: 'manual', inputs, at });
  }

  /**
   * What `after` does differently from `before` for the last events that start either of them.
   *
   * @param last at most {@link MOST_EVENTS}
   * @throws flow.invalid, flow.not-found, flow.unknown-revision
   */
  async compare(tenantId: string, before: FlowChoice, after: FlowChoice, last: number): Promise<Comparison> {
    const vocabulary = await this.flows.vocabularyOf(tenantId);
    const [was, is] = [await this.#flow(tenantId, before, vocabulary), await this.#flow(tenantId, after, vocabulary)];
    const types = new Set(
      [was, is].flatMap(({ triggers }) => triggers.flatMap((trigger) => (trigger.kind === 'event' ? [trigger.event] : []))),
    );
    const found: DomainEvent[] = [];
    for (const type of types) found.push(...(await this.events.list(tenantId, { type }, { newestFirst: true, limit: last })));
    const newest = found.toSorted((a, b) => (a.seq < b.seq ? 1 : -1)).slice(0, last);
    return compareRevisions(was, is, vocabulary, newest.map(recorded));
  }

  /** @throws flow.invalid for a text with mistakes */
  async #flow(tenantId: string, choice: FlowChoice, vocabulary: Vocabulary): Promise<CompiledFlow> {
    if ('flow' in choice) {
      const { source } = await this.flows.revision(tenantId, choice.flow, choice.revision);
      // An old revision may speak of what is no longer there: it is compiled as the engine does it.
      return compileSource(source, vocabulary);
    }
    const { flow, diagnostics } = checkFlow(choice.source, vocabulary);
    if (!flow) throw flowErrors.invalid({ problems: diagnostics.length }).with(diagnostics.map(fieldProblem));
    return compile(flow, choice.source, vocabulary);
  }

  async #event(tenantId: string, event: EventChoice): Promise<GivenEvent> {
    if ('id' in event) {
      const found = await this.events.find(tenantId, event.id);
      if (!found) throw idErrors.format({ expected: 'evt_…' });
      return recorded(found);
    }
    const problem = payloadProblem(event.type, event.data);
    if (problem !== undefined) throw dryRunErrors['event-invalid']({ type: event.type, problem });
    return event;
  }
}

function recorded({ id, type, data, occurredAt }: DomainEvent): RecordedEvent {
  return { id: idOf('evt', id), type, data, at: occurredAt };
}

/** Names that the flow does not ask for: most likely mistyped, and the run would be refused. */
function refuseUnknown({ name, triggers }: CompiledFlow, inputs: Readonly<Record<string, unknown>>): void {
  const forms = triggers.flatMap((trigger) => (trigger.kind === 'manual' ? [trigger.inputs] : []));
  if (forms.length === 0) throw runErrors['not-manual']({ flow: name });
  const problems = Object.keys(inputs)
    .filter((input) => !forms.some((form) => Object.hasOwn(form, input)))
    .map((input) => ({ pointer: `/inputs/${input}`, code: 'request.unknown-field', detail: 'There is no such field' }));
  if (problems.length > 0) throw runErrors['input-invalid']({ problems: problems.length }).with(problems);
}
