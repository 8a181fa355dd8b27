import { isKassaflowError } from '../kernel/errors.ts';

const PAUSE_MS = 500;

/**
 * Asks until there is an answer, as long as what is thrown says that asking again helps: the database is away. A run must not
 * fail for that; it could not record it either.
 */
export async function waitOut<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isKassaflowError(error) || error.spec.remedy !== 'retry') throw error;
    }
    // A process that stops does not wait for it: the run is taken up again by the next.
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
  }
}
