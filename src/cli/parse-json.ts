import { cliErrors } from './cli-errors.ts';

/** Reads the JSON value of an option. @throws cli.usage */
export function parseJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw cliErrors.usage({ option, problem: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
}
