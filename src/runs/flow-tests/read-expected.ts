/** What a test expects of the run. */
import type { YamlMap, YamlNode } from '../../flows/language/yaml/node.ts';
import { ANY } from '../../flows/language/shape.ts';
import { EXPECTED_STATUSES, type Data, type Expected, type ExpectedInput, type Located } from './flow-test.ts';
import { actionsOf } from './mocked-door.ts';
import { fieldShape } from './payloads.ts';
import { durationsOf, entriesOf, itemsOf, keysOf, listed, textOf, unknownKey, type TestProblems } from './read-fields.ts';
import { namedSteps, type NamedStep, type TestedFlow } from './tested-flow.ts';
import { isRecord } from '../../kernel/record.ts';
import { valueByShape } from './typed-value.ts';

type Steps = ReadonlyMap<string, NamedStep>;

export function readExpected(map: YamlMap, tested: TestedFlow, problems: TestProblems): Expected {
  const field = keysOf(map, 'expect', ['status', 'reason', 'steps', 'never', 'took', 'with'], problems);
  const steps = namedSteps(tested.flow);
  const [listedSteps, took, reason] = [field('steps'), field('took'), field('reason')];
  const durations = durationsOf(took, 'took', problems);
  const tookText = textOf(took, 'took', problems);
  const reasonText = textOf(reason, 'reason', problems);
  const status = readStatus(field('status'), problems);
  return {
    ...(status && { status }),
    ...(reason && reasonText !== undefined && { reason: problems.located(reason, reasonText) }),
    ...(listedSteps && { steps: problems.located(listedSteps, readNames(listedSteps, steps, problems)) }),
    never: readNames(field('never'), steps, problems),
    ...(took && durations && tookText !== undefined && { took: { ...problems.located(took, durations), text: tookText } }),
    with: readInputs(field('with'), steps, tested, problems),
  };
}

function readStatus(node: YamlNode | undefined, problems: TestProblems): Expected['status'] {
  const text = textOf(node, 'status', problems);
  if (!node || text === undefined) return undefined;
  const status = EXPECTED_STATUSES.find((word) => word === text);
  return status
    ? problems.located(node, status)
    : problems.report(node.span, `No run ends as "${text}".`, `write one of ${listed(EXPECTED_STATUSES)}`);
}

/** Names of steps; one that the flow does not have could never be met. */
function readNames(node: YamlNode | undefined, steps: Steps, problems: TestProblems): readonly Located<string>[] {
  return itemsOf(node).flatMap((item) => {
    const name = textOf(item, 'A step', problems);
    if (name === undefined) return [];
    return steps.has(name) ? [problems.located(item, name)] : (unknownKey('The flow', name, item.span, [...steps.keys()], problems) ?? []);
  });
}

function readInputs(
  node: YamlNode | undefined,
  steps: Steps,
  { vocabulary }: TestedFlow,
  problems: TestProblems,
): readonly ExpectedInput[] {
  return entriesOf(node, 'with', problems).flatMap(({ key, keySpan, value }) => {
    const step = steps.get(key);
    if (!step) return unknownKey('The flow', key, keySpan, [...steps.keys()], problems) ?? [];
    const action = step.verb === 'do' ? actionsOf(vocabulary).get(step.action) : undefined;
    const inputs = itemsOf(value).flatMap((item): Located<Data>[] => {
      const input = valueByShape(item, action ? fieldShape(action.input) : ANY);
      return isRecord(input)
        ? [problems.located(item, input)]
        : (problems.report(item.span, `with says what ${key} is called with.`, `write for example  with: { ${key}: { … } }`) ?? []);
    });
    return [{ step: { value: key, place: problems.at(keySpan) }, each: value.kind === 'list', inputs }];
  });
}
