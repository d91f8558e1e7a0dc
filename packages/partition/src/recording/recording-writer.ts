import type { DecisionInput } from '../decision.js';
import type { Plan } from '../plan.js';
import { type Decided, decidedOf, RECORDING_FORMAT, type RecordedTrace } from './recording.js';
import { ValueWriter } from './shared-values.js';

/** How much is recorded. */
export interface RecordingLimits {
  /** Of the file, about. */
  readonly maxBytes: number;
}

export const DEFAULT_RECORDING_LIMITS: RecordingLimits = Object.freeze({ maxBytes: 32 * 1024 * 1024 });
/** Of a decision or a trace beside its values. */
const ENTRY_BYTES = 400;

interface WrittenDecision extends Decided {
  readonly model: string;
  readonly variant: string;
  readonly input: unknown;
}

/** Collects decisions and what came of them, for {@link readRecording}. */
export class RecordingWriter {
  readonly #maxBytes: number;
  readonly #recordedAt: string;
  readonly #values = new ValueWriter();
  readonly #decisions: WrittenDecision[] = [];
  readonly #traces: RecordedTrace[] = [];
  readonly #indexes = new WeakMap<Plan, number>();
  #isCutShort = false;

  /** @param recordedAt when it begins, ISO 8601 */
  constructor(recordedAt: string, { maxBytes }: RecordingLimits = DEFAULT_RECORDING_LIMITS) {
    this.#recordedAt = recordedAt;
    this.#maxBytes = maxBytes;
  }

  get numDecisions(): number {
    return this.#decisions.length;
  }

  /** About what the file has. */
  get numBytes(): number {
    return this.#values.numBytes + (this.#decisions.length + this.#traces.length) * ENTRY_BYTES;
  }

  /** Nothing more is taken. */
  get isFull(): boolean {
    return this.#isCutShort;
  }

  decided(model: string, variant: string, plan: Plan, input: DecisionInput): void {
    if (!this.#hasRoom()) return;
    this.#indexes.set(plan, this.#decisions.length);
    this.#decisions.push({ model, variant, ...decidedOf(plan), input: this.#values.write(input) });
  }

  /** What came of a decision that was recorded; of any other it is left out. */
  traced(plan: Plan, figures: Readonly<Record<string, number>>): void {
    const decision = this.#indexes.get(plan);
    if (decision === undefined || !this.#hasRoom()) return;
    this.#traces.push({ decision, figures });
  }

  /** The whole file. */
  text(): string {
    const rest = {
      format: RECORDING_FORMAT,
      recordedAt: this.#recordedAt,
      isCutShort: this.#isCutShort,
      decisions: this.#decisions,
      traces: this.#traces,
    };
    // The values are JSON already.
    return `${JSON.stringify(rest).slice(0, -1)},"values":[${this.#values.values.join(',')}]}`;
  }

  #hasRoom(): boolean {
    this.#isCutShort ||= this.numBytes >= this.#maxBytes;
    return !this.#isCutShort;
  }
}
