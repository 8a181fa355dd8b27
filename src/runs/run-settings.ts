/** How the engine behaves. All times in milliseconds. */
export interface RunSettings {
  /** A lease that was not renewed for this long may be taken over. */
  readonly leaseMs: number;
  /** Flush loops, each with its own connection. Two are 5–15 % faster than one, four no faster than two. */
  readonly lanes: number;
  /** Runs in memory at once; above it events wait briefly and are then refused. */
  readonly maxInFlight: number;
  /** When a step with an unknown outcome is asked for or sent again; after the last one a person is asked. */
  readonly unknownScheduleMs: readonly number[];
  /** Pauses of a step whose connection is refused; the last one repeats. */
  readonly authScheduleMs: readonly number[];
  /** How long a clean stop waits for calls under way. */
  readonly stopMs: number;
  /** One attempt of a step that says nothing else. */
  readonly stepTimeoutMs: number;
  /** Where people see this system, for `run.url`. */
  readonly publicUrl: string;
}

export const DEFAULT_RUN_SETTINGS: RunSettings = {
  leaseMs: 3_000,
  lanes: 1,
  maxInFlight: 2_000,
  unknownScheduleMs: [60_000, 300_000, 1_800_000, 7_200_000],
  authScheduleMs: [60_000, 300_000, 1_800_000],
  stopMs: 20_000,
  stepTimeoutMs: 15_000,
  publicUrl: 'http://127.0.0.1:8787',
};
