import { DEFAULT_RECORDING_LIMITS, type RecordingLimits, RecordingWriter } from '@cutpoint/partition';
import type { Session, Trace } from './session.js';

/**
 * Records sessions: every decision with all that it depended on, and what each inference took. The file can be read by
 * {@link readRecording}, and its decisions made again by {@link replayRecording}.
 *
 * ```ts
 * const recorder = new Recorder();
 * recorder.add(session);
 * // later
 * const file = new Blob([recorder.stop()], { type: 'application/json' });
 * ```
 */
export class Recorder {
  readonly #writer: RecordingWriter;
  readonly #stopListening: (() => void)[] = [];

  /** @param limits when the file has so many bytes, nothing more is recorded */
  constructor(limits: RecordingLimits = DEFAULT_RECORDING_LIMITS) {
    this.#writer = new RecordingWriter(new Date().toISOString(), limits);
  }

  get numDecisions(): number {
    return this.#writer.numDecisions;
  }

  /** About what the file has by now. */
  get numBytes(): number {
    return this.#writer.numBytes;
  }

  /** The limit is reached. */
  get isFull(): boolean {
    return this.#writer.isFull;
  }

  /** From now on. */
  add(session: Session): void {
    this.#stopListening.push(
      session.on('decided', ({ variant, plan, input }) =>
        this.#writer.decided(session.manifest.model, variant, plan, input),
      ),
      session.on('trace', (trace) => this.#writer.traced(trace.plan, figuresOf(trace))),
    );
  }

  /** Ends the recording. @returns the file, as JSON */
  stop(): string {
    for (const stop of this.#stopListening.splice(0)) stop();
    return this.#writer.text();
  }
}

/** All that is a number of an inference. */
function figuresOf(trace: Trace): Record<string, number> {
  return Object.fromEntries(
    Object.entries(trace).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
