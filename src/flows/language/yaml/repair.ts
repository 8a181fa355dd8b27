/**
 * Finds what people commonly write that YAML reads as something else, and repairs it in a copy of equal length.
 *
 * The copy is only for the structure: texts are taken from the original by their offsets. So one mistake in line 3 does not
 * hide the other eighteen. Works line by line and knows just enough YAML to leave block texts and quoted texts alone.
 */
import type { Diagnostics } from '../diagnostic.ts';

const CONDITIONS = new Set(['if', 'unless', 'when', 'where', 'until', 'one-per']);
/** Indentation and dashes, the key, and the value of a line. */
const LINE = /^([ ]*(?:- +)*)(?:("[^"]*"|[^\s:#"'{}[\],][^:#]*?):(?= |$) *)?(.*)$/;
const BLOCK_TEXT = /(?:^|[:-] +)[|>][+-]?[0-9]?[+-]? *(?:#.*)?$/;

/** @returns a text of the same length in which the structure is what was meant */
export function repair(source: string, diagnostics: Diagnostics): string {
  const state: State = { block: undefined, quote: undefined, quoteAt: 0, open: [], documents: false, over: false };
  // A byte order mark stays where it is: YAML knows it.
  const mark = source.startsWith('\ufeff') ? '\ufeff' : '';
  let offset = mark.length;
  const lines = source
    .slice(offset)
    .split('\n')
    .map((full) => {
      const line = full.endsWith('\r') ? full.slice(0, -1) : full;
      const repaired = repairLine(line, offset, state, diagnostics) + full.slice(line.length);
      offset += full.length + 1;
      return repaired;
    });
  if (state.quote) diagnostics.report('flow.open', [state.quoteAt, state.quoteAt + 1], { found: state.quote });
  const bracket = state.open[0];
  if (bracket && !state.quote) diagnostics.report('flow.open', [bracket.at, bracket.at + 1], { found: bracket.sign });
  return mark + lines.join('\n');
}

interface State {
  /** Indentation of the key whose block text we are in. */
  block: number | undefined;
  /** The quote that is open over the end of a line. */
  quote: string | undefined;
  /** Where it was opened. */
  quoteAt: number;
  /** Each `{` and `[` that is open, and where. */
  open: { readonly sign: string; readonly at: number }[];
  /** The one allowed `---` was seen. */
  documents: boolean;
  /** A second document began: nothing after it belongs to the flow. */
  over: boolean;
}

function repairLine(original: string, offset: number, state: State, diagnostics: Diagnostics): string {
  if (state.over) return '#'.padEnd(original.length).slice(0, original.length);
  let line = original;
  const indent = line.length - line.trimStart().length;
  if (state.block !== undefined) {
    if (line.trim() === '' || indent > state.block) return line;
    state.block = undefined;
  }
  if (state.quote) {
    if (closesQuote(line, state.quote)) state.quote = undefined;
    return line;
  }
  line = repairIndent(line, offset, diagnostics);
  if (line.startsWith('%')) {
    diagnostics.report('flow.yaml-version', [offset, offset + line.length]);
    return '#'.padEnd(line.length, ' ');
  }
  if (/^(---|\.\.\.)(\s|$)/.test(line)) return documentMark(line, offset, state, diagnostics);
  if (line.trim() !== '' && !line.trimStart().startsWith('#')) state.documents = true;
  if (state.open.length > 0) return flowLine(line, 0, offset, state, diagnostics);
  line = repairDash(line, offset, diagnostics);
  const [, lead = '', key = '', value = ''] = LINE.exec(line) ?? [];
  const at = line.length - value.length;
  if (BLOCK_TEXT.test(line)) state.block = key === '' ? lead.trimEnd().length - 1 : lead.length;
  if (/^[{[]/.test(value) && !value.startsWith('{{')) return line.slice(0, at) + flowLine(value, 0, offset + at, state, diagnostics);
  return line.slice(0, at) + plainValue(key.replaceAll('"', ''), value, offset + at, state, diagnostics);
}

function repairIndent(line: string, offset: number, diagnostics: Diagnostics): string {
  const [space = ''] = /^[\s\u00a0\u2000-\u200b\u202f\u3000]*/.exec(line) ?? [];
  const odd = space.search(/[^ ]/);
  if (odd < 0) return line;
  if (space.trim() === '' && line.trim() === '') return ' '.repeat(line.length);
  const found = space[odd] ?? '';
  if (found === '\t') diagnostics.report('flow.tab', [offset + odd, offset + odd + 1]);
  else
    diagnostics.report('flow.indent', [offset + odd, offset + odd + 1], {
      found: `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
    });
  return ' '.repeat(space.length) + line.slice(space.length);
}

/** `-wait: 3d`: the dash became part of the key. In the copy the first letter makes room for the space; keys are cut from the original. */
function repairDash(line: string, offset: number, diagnostics: Diagnostics): string {
  const [, space = '', name] = /^( *)-([a-z][a-z-]+):(?= |$)/.exec(line) ?? [];
  if (name === undefined) return line;
  diagnostics.report('flow.dash', [offset + space.length, offset + space.length + 1 + name.length], {}, `write  - ${name}: …`);
  return `${space}- ${line.slice(space.length + 2)}`;
}

function documentMark(line: string, offset: number, state: State, diagnostics: Diagnostics): string {
  if (line.startsWith('---') && line.trim() === '---' && !state.documents) return '#'.padEnd(line.length);
  diagnostics.report('flow.several-documents', [offset, offset + 3]);
  state.over = true;
  return '#'.padEnd(line.length);
}

/** A value that is not a `{ }` or `[ ]`. */
function plainValue(key: string, value: string, at: number, state: State, diagnostics: Diagnostics): string {
  const text = value.replace(/(^| )#.*$/, '').trimEnd();
  const span = [at, at + text.length] as const;
  const masked = 'x'.repeat(text.length) + value.slice(text.length);
  const quoted = (content: string) => `"${content.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const condition = CONDITIONS.has(key);
  if (text === '') return value;
  if (text.startsWith('{{')) {
    diagnostics.report('flow.braces', span, {}, `write  ${quoted(text)}`);
    return masked;
  }
  if (text.startsWith('!')) {
    if (condition) diagnostics.report('flow.exclamation', span, {}, exclamationHelp(key, text));
    else diagnostics.report('flow.tag', [at, at + (/^\S+/.exec(text)?.[0].length ?? 1)], { found: /^\S+/.exec(text)?.[0] ?? '!' });
    return masked;
  }
  if (/^[&*][^\s]/.test(text)) {
    diagnostics.report('flow.alias', span);
    // After a bare anchor the value follows on the next lines.
    return /^&\S+$/.test(text) ? ' '.repeat(text.length) + value.slice(text.length) : masked;
  }
  const quote = /^["']/.exec(text)?.[0];
  if (quote) return quotedValue(quote, value, key, at, state, diagnostics, condition);
  if (/^[@`%]/.test(text)) {
    diagnostics.report('flow.reserved-start', span, { found: text.charAt(0) }, `write  ${quoted(text)}`);
    return masked;
  }
  if (/^[\u201c\u201d\u2018\u2019\u201e]/.test(text))
    diagnostics.report(
      'flow.smart-quotes',
      [at, at + 1],
      {},
      `write  ${quoted(text.replace(/^[\u201c\u201d\u2018\u2019\u201e]|[\u201c\u201d\u2018\u2019]$/g, ''))}`,
    );
  const comment = / #(?=[^\s#])/.exec(value);
  if (comment && key !== '')
    diagnostics.report(
      'flow.comment-in-text',
      [at + comment.index + 1, at + value.trimEnd().length],
      {},
      `write  ${key}: ${quoted(value.trimEnd())}`,
    );
  if (!/: |:$/.test(text) || /^[|>]/.test(text)) return value;
  if (key === '') return value;
  if (condition) diagnostics.report('flow.condition-quotes', span, {}, `write  ${key}: ${quoted(text)}`);
  else diagnostics.report('flow.colon', span, {}, `write  ${key}: ${quoted(text)}`);
  return masked;
}

function quotedValue(
  quote: string,
  value: string,
  key: string,
  at: number,
  state: State,
  diagnostics: Diagnostics,
  condition: boolean,
): string {
  const end = closingQuote(value, quote, 1);
  if (end < 0) {
    state.quote = quote;
    state.quoteAt = at;
    return value;
  }
  const rest = value
    .slice(end + 1)
    .replace(/ #.*$/, '')
    .trimEnd();
  if (rest === '' || rest.startsWith('#')) return value;
  // `"a": b` in a list is a key of a map on the same line, which is fine.
  if (key === '' && /^\s*:/.test(rest)) return value;
  const text = value.replace(/ #.*$/, '').trimEnd();
  const whole = quote === '"' ? `'${text}'` : `"${text.replaceAll('"', '\\"')}"`;
  diagnostics.report(condition ? 'flow.condition-quotes' : 'flow.text-after-quotes', [at, at + text.length], {}, `write  ${key}: ${whole}`);
  return 'x'.repeat(text.length) + value.slice(text.length);
}

function exclamationHelp(key: string, text: string): string {
  const plain = text.slice(1);
  const whole = `put quotes around it: "${text.replaceAll('"', '\\"')}"`;
  if (key === 'if' || key === 'when') return `write  unless: ${plain}  (the opposite of ${key}), or ${whole}`;
  if (key === 'unless') return `write  if: ${plain}  (the opposite of unless), or ${whole}`;
  return whole;
}

/** `{ a: b, c: {{ d }} }`: braces and tags among the values. Keeps count of open brackets over lines. */
function flowLine(line: string, from: number, offset: number, state: State, diagnostics: Diagnostics): string {
  let text = line;
  for (let index = from; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === '"' || character === "'") {
      if (character === "'" && /[\p{L}\d]/u.test(text.charAt(index - 1))) continue;
      const end = closingQuote(text, character, index + 1);
      if (end < 0) {
        state.quote = character;
        state.quoteAt = offset + index;
        return text;
      }
      index = end;
    } else if (character === '#' && (index === 0 || text.charAt(index - 1) === ' ')) return text;
    else if (text.startsWith('{{', index) && startsValue(text, index)) {
      const end = flowTextEnd(text, index);
      diagnostics.report('flow.braces', [offset + index, offset + end], {}, `write  "${text.slice(index, end)}"`);
      text = text.slice(0, index) + 'x'.repeat(end - index) + text.slice(end);
      index = end - 1;
    } else if (
      (character === '!' || character === '&' || character === '*') &&
      startsValue(text, index) &&
      text.charAt(index + 1).trim() !== ''
    ) {
      const end = index + (/^[^\s,}\]]+/.exec(text.slice(index))?.[0].length ?? 1);
      diagnostics.report(character === '!' ? 'flow.tag' : 'flow.alias', [offset + index, offset + end], { found: text.slice(index, end) });
      text = text.slice(0, index) + 'x'.repeat(end - index) + text.slice(end);
      index = end - 1;
    } else if (character === '{' || character === '[') state.open.push({ sign: character, at: offset + index });
    else if (character === '}' || character === ']') closeBracket(character, offset + index, state, diagnostics);
  }
  return text;
}

function closeBracket(sign: string, at: number, state: State, diagnostics: Diagnostics): void {
  const opened = state.open.pop();
  if (opened && opened.sign !== (sign === '}' ? '{' : '['))
    diagnostics.report('flow.bracket', [at, at + 1], { found: sign, open: opened.sign });
}

/** Tells whether a value begins at `index` of a flow map or list. */
function startsValue(text: string, index: number): boolean {
  let before = index - 1;
  while (text.charAt(before) === ' ') before -= 1;
  return ':,[{'.includes(text.charAt(before)) && before >= 0;
}

/** The end of an unquoted text with {{ }} in a flow map: a comma or bracket outside braces. */
function flowTextEnd(text: string, from: number): number {
  let index = from;
  while (index < text.length) {
    if (text.startsWith('{{', index)) index = Math.max(index + 2, text.indexOf('}}', index) + 2 || text.length);
    else if (/[,}\]]/.test(text.charAt(index))) break;
    else index += 1;
  }
  return from + text.slice(from, index).trimEnd().length;
}

function closesQuote(line: string, quote: string): boolean {
  return closingQuote(line, quote, 0) >= 0;
}

function closingQuote(text: string, quote: string, from: number): number {
  for (let index = from; index < text.length; index += 1) {
    if (quote === '"' && text.charAt(index) === '\\') index += 1;
    else if (text.charAt(index) === quote) {
      if (quote === "'" && text.charAt(index + 1) === "'") index += 1;
      else return index;
    }
  }
  return -1;
}
