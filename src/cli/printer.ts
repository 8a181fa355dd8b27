/** How commands show their results: as a table for people, as one JSON document with `--json`. */
export class Printer {
  constructor(
    private readonly json: boolean,
    private readonly write: (text: string) => void = (text) => void process.stdout.write(text),
  ) {}

  /** A list of rows with the columns in the order of `columns`. */
  rows(rows: readonly Readonly<Record<string, unknown>>[], columns: readonly string[]): void {
    if (this.json) {
      this.write(`${JSON.stringify(rows, null, 2)}\n`);
      return;
    }
    if (rows.length === 0) {
      this.write('nothing found\n');
      return;
    }
    const cells = [columns, ...rows.map((row) => columns.map((column) => show(row[column])))];
    const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
    for (const line of cells)
      this.write(
        `${line
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
      );
  }

  /** One thing: JSON as it is, or the lines that `describe` gives. */
  one(value: unknown, describe: () => readonly string[]): void {
    this.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : `${describe().join('\n')}\n`);
  }
}

function show(value: unknown): string {
  if (value === undefined || value === null || value === '') return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
