import type { CompiledFlow } from './language/compiled-flow.ts';
import type { PublishedFlow } from './trigger-index.ts';

/**
 * Compiled flows by revision, for the engine: a run stays on the revision with which it started.
 *
 * Revisions never change, so a compiled one is kept until memory asks for it back (least recently used first).
 */
export abstract class FlowCatalogue {
  /** The revision when it is in memory: no wait on the path of every event. */
  abstract cached(flowId: string, revision: number): CompiledFlow | undefined;
  /**
   * The revision, from the database when it is not in memory.
   * @throws flow.unknown-revision when no such revision exists
   */
  abstract compiled(flowId: string, revision: number): Promise<CompiledFlow>;
  /** The enabled flow called `name` at its newest revision, for a start by hand. @throws flow.not-found */
  abstract find(tenantId: string, name: string): Promise<PublishedFlow>;
}
