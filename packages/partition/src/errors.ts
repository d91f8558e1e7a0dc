export type PartitionErrorCode =
  | 'bad_recording'
  | 'invalid_graph'
  | 'no_arms'
  | 'no_runnable_arm'
  | 'too_few_groups'
  | 'unknown_policy';

/** Every error that this package throws. Those that no page throws are written where they are thrown. */
export class PartitionError extends Error {
  override readonly name = 'PartitionError';
  readonly code: PartitionErrorCode;

  constructor(code: PartitionErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  static noArms(): PartitionError {
    return new PartitionError('no_arms', 'A controller needs at least one arm; the cut table is empty.');
  }

  static noRunnableArm(connected: boolean): PartitionError {
    const why = connected
      ? 'no arm is ready; prepare one and call setReady'
      : 'the edge cannot be reached and the whole network is not ready here; reconnect, or prepare the local arm';
    return new PartitionError('no_runnable_arm', `Nothing can run this inference now: ${why}.`);
  }

  static unknownPolicy(name: string, known: readonly string[]): PartitionError {
    return new PartitionError('unknown_policy', `There is no policy '${name}'; there are ${known.join(', ')}.`);
  }
}
