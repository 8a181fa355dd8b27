/** What happens while the run of a test goes on: events, and people's answers. */
import { entryOf, type YamlMap, type YamlNode } from '../../flows/language/yaml/node.ts';
import type { Move, When } from './flow-test.ts';
import { MOMENT_HELP, parseMoment } from './moments.ts';
import { readPayload } from './read-given.ts';
import { durationsOf, itemsOf, keysOf, listed, textOf, unknownKey, type TestProblems } from './read-fields.ts';
import { questionsOf, type TestedFlow } from './tested-flow.ts';

const HELP = 'write for example  then: [{ after: 1d, event: invoice.paid }]';

export function readMoves(node: YamlNode | undefined, tested: TestedFlow, problems: TestProblems): readonly Move[] {
  return itemsOf(node).flatMap((item) =>
    item.kind === 'map'
      ? (readMove(item, tested, problems) ?? [])
      : (problems.report(item.span, 'What happens then has names with values.', HELP) ?? []),
  );
}

function readMove(map: YamlMap, tested: TestedFlow, problems: TestProblems): Move | undefined {
  const field = keysOf(map, 'then', ['after', 'at', 'event', 'sample', 'data', 'answer'], problems);
  const when = readWhen(map, field, tested, problems);
  const [event, answer] = [field('event'), field('answer')];
  if (!when) return undefined;
  if (answer) return readAnswer(answer, map, when, tested, problems);
  const type = textOf(event, 'event', problems);
  if (!event || type === undefined) return problems.report(map.span, 'Then an event or an answer comes.', HELP);
  const known = tested.vocabulary.events;
  if (!known.has(type) && !type.startsWith('custom.'))
    return unknownKey('The event catalogue', type, event.span, [...known.keys()], problems);
  const payload = readPayload(type, field('sample'), field('data'), tested, problems);
  return payload && { kind: 'event', when, type, ...payload, place: problems.at(map.span) };
}

function readWhen(
  map: YamlMap,
  field: (key: string) => YamlNode | undefined,
  { flow }: TestedFlow,
  problems: TestProblems,
): When | undefined {
  const at = field('at');
  if (!at) {
    const after = durationsOf(field('after'), 'after', problems);
    return entryOf(map, 'after') && !after ? undefined : { after: after ?? [] };
  }
  const text = textOf(at, 'at', problems) ?? '';
  const moment = parseMoment(text, flow.timeZone);
  return moment ? { at: moment } : problems.report(at.span, `"${text}" is not a moment.`, MOMENT_HELP);
}

/** `answer: approve`, or with the question's step and who answers. */
function readAnswer(node: YamlNode, map: YamlMap, when: When, { flow }: TestedFlow, problems: TestProblems): Move | undefined {
  const field =
    node.kind === 'map'
      ? keysOf(node, 'answer', ['step', 'choice', 'by', 'comment'], problems)
      : (key: string) => (key === 'choice' ? node : undefined);
  const [step, choice] = [textOf(field('step'), 'step', problems), textOf(field('choice'), 'choice', problems)];
  const questions = questionsOf(flow);
  if (choice === undefined)
    return problems.report(node.span, 'An answer has a choice.', 'write for example  answer: { choice: approve, by: kim }');
  const asked = step === undefined ? questions : questions.filter(({ id }) => id === step);
  if (asked.length === 0)
    return problems.report(
      node.span,
      step === undefined ? 'The flow asks nobody.' : `No question has the id "${step}".`,
      `the questions are ${listed(questions.map(({ id, title }) => id ?? title))}`,
    );
  const choices = asked.flatMap((question) => question.choices);
  if (!choices.includes(choice))
    return problems.report((field('choice') ?? node).span, `"${choice}" is not among the choices.`, `they are ${listed(choices)}`);
  const [by, note] = [textOf(field('by'), 'by', problems) ?? 'somebody', textOf(field('comment'), 'comment', problems) ?? ''];
  return { kind: 'answer', when, step, choice, by, note, place: problems.at(map.span) };
}
