/** What the engine has promised and not kept. `promise` names the check, as in docs/simulation.md. */
export class Violation extends Error {
  readonly promise: string;

  constructor(promise: string, message: string) {
    super(`${promise}: ${message}`);
    this.name = 'Violation';
    this.promise = promise;
  }
}
