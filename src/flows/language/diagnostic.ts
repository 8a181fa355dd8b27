/** What the checker found: one problem, with its place and what to write instead. */
import { DIAGNOSTICS, type DiagnosticCode, type DiagnosticSpec } from './diagnostics.ts';

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: 'error' | 'warning';
  /** A whole sentence. */
  readonly message: string;
  /** What to do: never empty. */
  readonly help: string;
  /** 1-based line and column, and how many characters to underline, all in UTF-16 units of the source. */
  readonly place: { readonly line: number; readonly column: number; readonly length: number };
}

/** Offsets into the source, from 0; `end` is after the last character. */
export type Span = readonly [start: number, end: number];

export type Facts = Readonly<Record<string, string | number | undefined>>;

/** Gathers the problems of one text. */
export class Diagnostics {
  readonly #found = new Map<string, Diagnostic>();
  readonly #lineStarts: readonly number[];

  constructor(readonly source: string) {
    this.#lineStarts = [0, ...Array.from(source.matchAll(/\n/g), ({ index }) => index + 1)];
  }

  /** Adds a problem. The sentence comes from the catalogue with `facts` filled in; `help` overrides the catalogue's. */
  report(code: DiagnosticCode, span: Span, facts: Facts = {}, help?: string): void {
    const { sentence, severity, help: usual }: DiagnosticSpec = DIAGNOSTICS[code];
    const { line, column } = this.position(span[0]);
    const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? ''));
    // One problem at one place: a rule that is reached twice, or a general rule after a precise one, says nothing new.
    const key = `${line}:${column}:${code}`;
    if (!this.#found.has(key))
      this.#found.set(key, {
        code,
        severity: severity ?? 'error',
        message: fill(sentence),
        help: help ?? fill(usual),
        place: { line, column, length: Math.max(1, span[1] - span[0]) },
      });
  }

  /** Tells whether something was already said about this place. */
  has(span: Span): boolean {
    const { line, column } = this.position(span[0]);
    return [...this.#found.values()].some(({ place }) => place.line === line && place.column === column);
  }

  /** In the order of the file. */
  list(): readonly Diagnostic[] {
    return [...this.#found.values()].toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  }

  /** 1-based line and column of an offset. */
  position(offset: number): { line: number; column: number } {
    let [low, high] = [0, this.#lineStarts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  /** The other way round. */
  offset({ line, column }: { readonly line: number; readonly column: number }): number {
    return (this.#lineStarts[line - 1] ?? 0) + column - 1;
  }
}

/** Tells whether a text with these problems can be published. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}

/**
 * The problems as people read them: place, code and sentence; the line; carets under the text; what to write.
 * @param file the name to print before each place
 */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], source: string, file: string): string {
  const lines = source.split('\n');
  return diagnostics
    .map(({ code, severity, message, help, place }) => {
      const line = (lines[place.line - 1] ?? '').replace(/\r$/, '').replaceAll('\t', ' ');
      const carets = '^'.repeat(Math.max(1, Math.min(place.length, line.length - place.column + 1)));
      return [
        `${file}:${place.line}:${place.column} ${code} ${severity === 'warning' ? 'Warning: ' : ''}${message}`,
        `${String(place.line).padStart(4)} | ${line}`,
        `     | ${' '.repeat(place.column - 1)}${carets}`,
        `     = ${help}`,
      ].join('\n');
    })
    .join('\n\n');
}
