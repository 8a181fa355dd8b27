/** `docs/events.md`: every type of the catalogue with its summary and example. */
import { compiled } from './compiled.ts';
import { table } from './table.ts';

const INTRO = `# Events

An event is a fact in the past tense. Kassaflow records it in the transaction that makes it true; flows start from it, and portals
read it at \`GET /v1/events\` and \`GET /v1/stream\`.

On the wire it is a CloudEvent 1.0. Its \`type\` is \`com.kassaflow.<type>.v<version>\`, and \`data\` is what stands under the
heading of the type below. In a flow \`event\` is that \`data\`, and \`run.event\` has the id, type and time.

Portals may send \`usage.recorded\` and names of their own below \`custom.\`: \`custom.order-shipped\` with any JSON object. Everything
else is recorded by Kassaflow alone. The JSON Schemas are at \`GET /v1/event-types\`. A version is raised when a field is taken away or
narrowed; a new field does not raise it.

Some types are declared before anything records them, so that their shape can be relied on: mandates, subscriptions, requests and
reconciliation come later.

This page is written by \`npm run docs\`.
`;

export async function eventsPage(): Promise<string> {
  const { catalogue } = await compiled<typeof import('../../src/events/catalogue/catalogue.ts')>('events/catalogue/catalogue.js');
  const all = [...catalogue.values()];
  const list = table(
    ['type', 'version', 'says'],
    all.map(({ type, version, summary }) => [`[\`${type}\`](#${anchorOf(type)})`, String(version), summary]),
  );
  const sections = all.map(
    ({ type, summary, example, portal }) =>
      `## ${type}\n\n${summary}${portal ? ' Portals may send it.' : ''}\n\n\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\`\n`,
  );
  return [INTRO, list, '', ...sections].join('\n');
}

/** The anchor that Markdown readers make of a heading: dots go, hyphens stay. */
function anchorOf(heading: string): string {
  return heading.replaceAll('.', '');
}
