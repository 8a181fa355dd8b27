/** The trace of a run: its `uuid` without dashes. The last 62 of its bits are random, as W3C Trace Context asks of an id. */
export function traceIdOf(runId: string): string {
  return runId.replaceAll('-', '');
}
