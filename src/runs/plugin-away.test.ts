import { expect, test } from '@jest/globals';
import { newUuid } from '../kernel/ids.ts';
import { call, flow } from './conformance/flow-builder.ts';
import { Provider } from './conformance/provider.ts';
import { MemoryEngine } from './memory/memory-engine.ts';
import { MemoryStore } from './memory/memory-store.ts';

/** Its plugin is refused at first, as on a machine that is too busy to load it in time. */
class LateProvider extends Provider {
  #looks = 0;

  override manifests(): ReturnType<Provider['manifests']> {
    this.#looks += 1;
    return this.#looks > 6 ? super.manifests() : [];
  }
}

test('a run waits for the plugin of its step, and does not fail while nobody offers the action', async () => {
  const provider = new LateProvider();
  const store = new MemoryStore();
  const engine = new MemoryEngine({ store, door: provider });
  const id = newUuid();
  const event = { id: newUuid(), type: 'custom.started', occurredAt: new Date(0), data: {} };
  engine.start(flow([call('test.keyed'), call('test.lookup')]), { id, tenantId: newUuid(), flowId: newUuid(), revision: 1, event });
  await engine.settle();
  expect(store.runs.get(id)?.status).toBe('completed');
  expect(provider.done).toEqual(['0', '1']);
  expect(provider.calls).toHaveLength(2);
});
