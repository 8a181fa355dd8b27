import { RunEngine } from './run-engine.ts';
import { runErrors } from './run.errors.ts';

/** In a process that runs no flows: commands are written to the database, where a worker finds them. */
export class AbsentRunEngine extends RunEngine {
  start(): Promise<string> {
    return Promise.reject(runErrors['no-engine']());
  }

  nudge(): void {
    // Workers poll.
  }
}
