/** The runs that a run starts, made before the flush that holds the parent's entry about them. */
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, newUuid } from '../../kernel/ids.ts';
import type { SubjectReaders } from '../../events/subject-readers.ts';
import type { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import { LiveRun, type Checkpoint, type RunHost } from '../live-run.ts';
import { manualInputs } from '../manual-inputs.ts';
import type { ChildStart } from '../signals.ts';
import type { EmittedEvent } from '../journaled-run.ts';
import type { ChildOver, Start } from './flush-batch.ts';

export interface ChildPorts {
  readonly catalogue: FlowCatalogue;
  readonly subjects: SubjectReaders;
  readonly hostOf: (run: LiveRun) => RunHost;
  /** The start that records an event of `run`. */
  recording(run: LiveRun, event: EmittedEvent): Start;
  now(): Date;
}

/**
 * Starts for the children that `checkpoint` names. One whose flow does not exist, is switched off or does not take these inputs is
 * over before it began: the parent is told so if it waits, and an event says so if it does not. Anything else that goes wrong (the
 * database is away) rejects.
 */
export async function childStarts({ run, children }: Checkpoint, ports: ChildPorts): Promise<{ starts: Start[]; over: ChildOver[] }> {
  const starts: Start[] = [];
  const over: ChildOver[] = [];
  for (const child of children) {
    try {
      starts.push(await startOf(run, child, ports));
    } catch (error) {
      if (!isFinal(error)) throw error;
      const message = `The flow ${child.flow} could not be started: ${isKassaflowError(error) ? error.message : 'a defect of this program'}`;
      const { tenantId } = run.facts;
      if (child.parent) over.push({ tenantId, parent: child.parent, child: child.id, status: 'failed', message, of: run });
      else starts.push(ports.recording(run, notStarted(run, child, message, ports.now())));
    }
  }
  return { starts, over };
}

/** Tells whether trying again comes to the same: no such flow, inputs that do not fit, a defect. */
function isFinal(error: unknown): boolean {
  return isKassaflowError(error) ? error.spec.remedy !== 'retry' : error instanceof TypeError || error instanceof RangeError;
}

async function startOf(parent: LiveRun, child: ChildStart, { catalogue, subjects, hostOf }: ChildPorts): Promise<Start> {
  const { tenantId } = parent.facts;
  const { flowId, revision, flow } = await catalogue.find(tenantId, child.flow);
  const inputs = await manualInputs(flow, tenantId, child.inputs, subjects);
  const { id, depth } = child;
  const { chain } = parent.facts;
  const facts = {
    id,
    tenantId,
    flowId,
    revision,
    inputs,
    depth,
    ...(chain !== undefined && { chain }),
    ...(child.parent && { parent: child.parent }),
  };
  const run = new LiveRun(facts, flow, hostOf(parent));
  run.begin();
  return { runs: [run], of: parent, settle: () => undefined, fail: () => undefined };
}

function notStarted({ facts, flow }: LiveRun, child: ChildStart, reason: string, occurredAt: Date): EmittedEvent {
  const run = { id: idOf('run', facts.id), flow: flow.name, revision: facts.revision, step: '', reason };
  const key = `${facts.id}/child/${child.id}`;
  return { id: newUuid(), type: 'run.needs-attention', subject: `run/${run.id}`, occurredAt, data: { run }, key };
}
