/** How the actions and sub-flows of a test answer. */
import type { FailureReason } from '@kassaflow/plugin-sdk';
import { exactMs } from '../../kernel/duration.ts';
import { ANY } from '../../flows/language/shape.ts';
import type { ActionWord } from '../../flows/language/vocabulary.ts';
import { entryOf, type YamlMap, type YamlNode } from '../../flows/language/yaml/node.ts';
import type { MockAnswer, Mocks } from './flow-test.ts';
import { actionsOf, outputProblem } from './mocked-door.ts';
import { fieldShape } from './payloads.ts';
import { plausibleOutput } from './plausible-output.ts';
import { countOf, durationsOf, itemsOf, keysOf, listed, textOf, unknownKey, type TestProblems } from './read-fields.ts';
import { SimulatedWorld } from './simulated-world.ts';
import { namedSteps, type TestedFlow } from './tested-flow.ts';
import { isRecord } from '../../kernel/record.ts';
import { mergedData, valueByShape } from './typed-value.ts';

const REASONS: readonly FailureReason[] = ['temporary', 'rate-limited', 'auth', 'input', 'permanent'];

export function readMocks(map: YamlMap | undefined, tested: TestedFlow, problems: TestProblems): Mocks {
  const mocks = new Map<string, readonly MockAnswer[]>();
  const steps = namedSteps(tested.flow);
  for (const { key, keySpan, value } of map?.entries ?? []) {
    const step = steps.get(key);
    if (!step) {
      unknownKey('The flow', key, keySpan, [...steps.keys()], problems);
      continue;
    }
    const action = step.verb === 'do' ? actionsOf(tested.vocabulary).get(step.action) : undefined;
    mocks.set(
      key,
      itemsOf(value).flatMap((item) => readAnswer(key, item, action, problems) ?? []),
    );
  }
  return mocks;
}

/** One answer. `fails`, `declines` and `unknown` say how it went wrong; anything else is the output. */
function readAnswer(name: string, node: YamlNode, action: ActionWord | undefined, problems: TestProblems): MockAnswer | undefined {
  if (node.kind !== 'map')
    return problems.report(
      node.span,
      `A mock is what ${name} answers.`,
      `write for example  ${name}: { status: completed }  or  ${name}: { fails: temporary }`,
    );
  if (entryOf(node, 'fails')) return readFailure(node, problems);
  if (entryOf(node, 'declines')) return readDecline(node, problems);
  if (entryOf(node, 'unknown')) return readUnknown(node, problems);
  return readOutput(name, node, action, problems);
}

function readFailure(node: YamlMap, problems: TestProblems): MockAnswer | undefined {
  const field = keysOf(node, 'A mock that fails', ['fails', 'message', 'times', 'retry-after'], problems);
  const text = textOf(field('fails'), 'fails', problems) ?? '';
  const reason = REASONS.find((word) => word === text);
  if (!reason) return problems.report((field('fails') ?? node).span, `Nothing fails as "${text}".`, `write one of ${listed(REASONS)}`);
  const [pause] = durationsOf(field('retry-after'), 'retry-after', problems) ?? [];
  const retryAfterMs = pause && exactMs(pause);
  return {
    kind: 'failed',
    reason,
    message: textOf(field('message'), 'message', problems) ?? `The test says that it fails (${reason}).`,
    ...times(field('times'), problems),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function readDecline(node: YamlMap, problems: TestProblems): MockAnswer {
  const field = keysOf(node, 'A mock that declines', ['declines', 'message', 'times'], problems);
  const code = textOf(field('declines'), 'declines', problems) ?? '';
  const message = textOf(field('message'), 'message', problems) ?? `The test says that it declines (${code}).`;
  return { kind: 'declined', code, message, ...times(field('times'), problems) };
}

function readUnknown(node: YamlMap, problems: TestProblems): MockAnswer {
  const field = keysOf(node, 'A mock with an unknown outcome', ['unknown', 'done', 'times'], problems);
  const said = textOf(field('unknown'), 'unknown', problems) ?? 'true';
  const message = said === 'true' ? 'The test says that nobody knows what it came to.' : said;
  return { kind: 'unknown', message, done: textOf(field('done'), 'done', problems) === 'true', ...times(field('times'), problems) };
}

function readOutput(name: string, node: YamlMap, action: ActionWord | undefined, problems: TestProblems): MockAnswer | undefined {
  // An action may well answer a field of this name.
  const counted = action && Object.hasOwn(action.output.properties, 'times') ? undefined : entryOf(node, 'times')?.value;
  const own = counted ? { ...node, entries: node.entries.filter(({ value }) => value !== counted) } : node;
  const value = valueByShape(own, action ? fieldShape(action.output) : ANY);
  if (!isRecord(value)) return undefined; // a map gives a map
  const problem = action && outputProblem(action, mergedData(plausibleOutput(action, {}, new SimulatedWorld()), value));
  if (problem !== undefined)
    return problems.report(
      node.span,
      `${name} does not answer so: ${problem}.`,
      `it answers ${listed(Object.keys(action?.output.properties ?? {}))}`,
    );
  return { kind: 'ok', value, ...times(counted, problems) };
}

function times(node: YamlNode | undefined, problems: TestProblems): { readonly times?: number } {
  const count = countOf(node, 'times', problems);
  return count === undefined ? {} : { times: count };
}
