/** Injection token of the application's {@link Clock}: `@Inject(CLOCK) private readonly clock: Clock`. */
export const CLOCK = Symbol('Clock');
