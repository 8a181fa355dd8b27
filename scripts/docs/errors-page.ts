/** `docs/errors.md`: every error of every catalogue, by module. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compiled, ROOT } from './compiled.ts';
import { table } from './table.ts';

const INTRO = `# Errors

Everything that goes wrong has a code that stays the same from version to version. Over HTTP it comes as a problem (RFC 9457):

\`\`\`json
{
  "type": "urn:kassaflow:error:payment.illegal-transition",
  "title": "…",
  "status": 409,
  "code": "payment.illegal-transition",
  "detail": "the title with the particulars of this case",
  "errors": [{ "pointer": "/amount", "code": "…", "detail": "…" }],
  "help": "what to do, where the title does not say it",
  "requestId": "also in the header X-Request-Id and in the log"
}
\`\`\`

\`errors\` names everything that was found wrong with the input, at most 20 things. The command line prints the sentence and the
code; \`kassaflow explain CODE\` prints what stands here. Scripts should look at \`code\`, never at the sentences.

What helps: **fix** the input or the settings; **retry** the same call later; **never**: it will not pass, ask an operator.

This page is written by \`npm run docs\`. What the checker says about flows is in [flow-language.md](flow-language.md#what-the-checker-says).
`;

export async function errorsPage(): Promise<string> {
  for (const file of filesWithErrors()) await compiled(file);
  const { errorCatalogue } = await compiled<typeof import('../../src/kernel/errors.ts')>('kernel/errors.js');
  const codes = [...errorCatalogue].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const modules = Map.groupBy(codes, ([name]) => name.split('.')[0] ?? '');
  const sections = [...modules].map(([module, errors]) => {
    const rows = errors.map(([name, { status, remedy, title, help = '' }]) => [`\`${name}\``, String(status), remedy, `${title}.`, help]);
    return `## ${module}\n\n${table(['code', 'status', 'what helps', 'meaning', 'help'], rows)}\n`;
  });
  return [INTRO, ...sections].join('\n');
}

/** A catalogue fills itself when its file is loaded. */
function filesWithErrors(): string[] {
  const dist = path.join(ROOT, 'dist');
  return globSync('**/*.js', { cwd: dist }).filter((file) => readFileSync(path.join(dist, file), 'utf8').includes('defineErrors('));
}
