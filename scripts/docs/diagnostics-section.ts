/** The table of diagnostics inside `docs/flow-language.md`; the rest of that page is written by hand. */
import { compiled } from './compiled.ts';
import { table } from './table.ts';

const [BEGIN, END] = ['<!-- written by npm run docs: begin -->', '<!-- written by npm run docs: end -->'];

/** @param page the page as it is; what is between the two marks is replaced */
export async function diagnosticsSection(page: string): Promise<string> {
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  if (before === undefined || after === undefined) throw new Error(`docs/flow-language.md needs the lines ${BEGIN} and ${END}`);
  const { DIAGNOSTICS } = await compiled<typeof import('../../src/flows/language/diagnostics.ts')>('flows/language/diagnostics.js');
  const rows = Object.entries(DIAGNOSTICS).map(([name, { sentence, help, explanation, ...more }]) => [
    `\`${name}\`${'severity' in more ? ' (warning)' : ''}`,
    readable(sentence),
    readable(help),
    readable(explanation),
  ]);
  return `${before}${BEGIN}\n\n${table(['code', 'says', 'usual help', 'why'], rows)}\n\n${END}${after}`;
}

/** Words in braces are filled in; angle brackets and stars would be taken for markup. */
function readable(text: string): string {
  return text.replace(/[<>*_]/g, (mark) => `\\${mark}`).replaceAll('{problem}', '…');
}
