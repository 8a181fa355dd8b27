/** `docs/settings.md` and `.env.example`: the list of settings. */
import { compiled } from './compiled.ts';
import { code, table } from './table.ts';

const INTRO = `# Settings

Environment variables, or lines \`NAME=value\` in a file \`.env\` of the working directory; the environment wins. An empty value is as
good as none. A name with our prefix that does not exist is refused, and everything wrong is said at once. Flags are \`true\` or \`false\`.

This page is written by \`npm run docs\` from \`src/platform/config/settings.ts\`, and \`.env.example\` too.
`;

export async function settingsPage(): Promise<{ page: string; envExample: string }> {
  const { settings, envExample } = await compiled<typeof import('../../src/platform/config/settings.ts')>('platform/config/settings.js');
  const rows = Object.entries(settings).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined).data;
    // No setting takes a control character, so the refusal says what it does take. What follows in brackets is about this one value.
    const accepted = (schema.safeParse('\0').error?.issues[0]?.message ?? 'any text').replace(/ \([^()]*\)$/, '');
    const shown = typeof fallback === 'string' || typeof fallback === 'number' ? code(String(fallback)) : '';
    return [code(name), schema.description ?? '', accepted, shown];
  });
  return { page: `${INTRO}\n${table(['name', 'what for', 'accepted', 'default'], rows)}\n`, envExample: envExample() };
}
