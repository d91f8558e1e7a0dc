import type { Controller } from '@cutpoint/partition';
import type { Cut } from '@cutpoint/protocol';
import type { SharedEdge } from './edge.js';
import { CutpointError } from './errors.js';
import { untilReady } from './manifest.js';
import type { Progress } from './session.js';

/** How long an inference waits for what went away (the edge, the runtime), when it has no deadline of its own. */
const GRACE_MS = 15_000;
/** Tries of one inference; each follows a failure that a second try may not meet. */
const MAX_TRIES = 5;
/** Failures of the edge at one inference; after so many it finishes without the edge, or not at all. */
const MAX_EDGE_FAILURES = 2;
/** A full edge is asked again after this, times the tries. */
const OVERLOAD_PAUSE_MS = 100;

/** For whoever gets no result because the edge is away. */
export const OFFLINE_ADVICE =
  "The weights that would finish it here are not here: run again when the session's state is `online`, or connect with `rescue: 'idle'`.";

export interface RecoveryParts {
  readonly edge: SharedEdge;
  readonly controller: Controller;
  readonly model: string;
  onProgress(progress: Progress): void;
  /** When the inference must have ended, if ever. */
  readonly endMs: number | undefined;
  readonly signal: AbortSignal;
}

/** What one inference has met so far, and what is done about it. */
export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #edge: SharedEdge;
  readonly #controller: Controller;
  readonly #signal: AbortSignal;
  /** Nothing is begun anew after this. */
  #endMs: number | undefined;
  #tries = 0;
  #edgeFailures = 0;
  #refusal: CutpointError | undefined;

  constructor(parts: RecoveryParts) {
    const { edge, controller, endMs, signal } = parts;
    this.#parts = parts;
    this.#edge = edge;
    this.#controller = controller;
    this.#endMs = endMs;
    this.#signal = signal;
  }

  /** The edge cannot do this one: why. It finishes here, or with this error. */
  get refusal(): CutpointError | undefined {
    return this.#refusal;
  }

  /** Until the edge is back; rejects at the deadline, without one after {@link GRACE_MS} in all. */
  async untilOnline(): Promise<void> {
    const { clock, connection } = this.#edge;
    // A deadline of the caller's own ends the wait through the signal, and is then what the error is about.
    const leftMs = this.#parts.endMs === undefined ? Math.max(0, this.#beginGrace() - clock.now()) : undefined;
    try {
      await connection.whenOnline(leftMs, this.#signal);
    } catch (error) {
      if (!(error instanceof CutpointError) || error.code !== 'edge_unreachable') throw error;
      throw new CutpointError(error.code, `${error.message} ${OFFLINE_ADVICE}`, { cause: error });
    }
  }

  /**
   * Returns when another try makes sense; throws when it does not.
   * @param cut what was tried, or `undefined` when it did not come so far
   */
  async after(error: unknown, cut: Cut | undefined): Promise<void> {
    this.#tries += 1;
    const isLate = this.#endMs !== undefined && this.#edge.clock.now() >= this.#endMs;
    if (!(error instanceof CutpointError) || this.#signal.aborted || this.#tries >= MAX_TRIES || isLate) throw error;
    switch (error.code) {
      case 'edge_unreachable':
        if (this.#edge.link.connected) return this.#pause(1);
        // What a forced cut needs can only come from there. Without one the next decision finishes here when the
        // whole network is ready, and else waits for the edge.
        return cut ? undefined : this.untilOnline();
      // The next call of the runtime waits until it may be tried again.
      case 'runtime_unavailable':
        this.#beginGrace();
        return;
      // The refusal came with a load report: the next decision knows.
      case 'overloaded':
        return this.#pause(0.5 + Math.random());
      case 'runtime_failed':
        if (!cut || cut.headGraph === null) throw error;
        this.#controller.setReady(cut.id, false);
        return;
      default:
        if (!cut) throw error;
        return this.#afterRefusal(error, cut);
    }
  }

  #beginGrace(): number {
    this.#endMs ??= this.#edge.clock.now() + GRACE_MS;
    return this.#endMs;
  }

  /** The edge's own words: what they ask of a client stands in docs/protocol.md. */
  async #afterRefusal(error: CutpointError, cut: Cut): Promise<void> {
    switch (error.edgeCode) {
      case 'tail_failed':
      case 'upload_timeout':
        this.#edgeFailures += 1;
        if (this.#edgeFailures >= MAX_EDGE_FAILURES) this.#refusal = error;
        return;
      // Its limit changed since the arms were listed: nothing that sends as much is worth another try.
      case 'too_large':
        for (const arm of this.#controller.arms) {
          if (arm.usesEdge && arm.bytesUp >= cut.bytesUp) this.#controller.setReady(arm.cut, false);
        }
        return;
      case 'deadline_exceeded':
        this.#refusal = error;
        return;
      // It was taken away for good.
      case 'unknown_model':
        this.#refusal = error;
        return;
      // It has started anew and is not so far yet.
      case 'model_not_ready':
        if (this.#controller.arms.some(({ usesEdge, cut: id }) => !usesEdge && this.#controller.isReady(id))) {
          this.#refusal = error;
          return;
        }
        return this.#untilReady(error);
      default:
        throw error;
    }
  }

  async #untilReady(error: CutpointError): Promise<void> {
    const { model, onProgress } = this.#parts;
    const { clock, http } = this.#edge;
    const late = new AbortController();
    const cancel = clock.after(Math.max(0, this.#beginGrace() - clock.now()), () => late.abort());
    try {
      await untilReady(http, model, onProgress, AbortSignal.any([this.#signal, late.signal]));
    } catch (cause) {
      throw late.signal.aborted && !this.#signal.aborted ? error : cause;
    } finally {
      cancel();
    }
  }

  #pause(share: number): Promise<void> {
    const { clock } = this.#edge;
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        cancel();
        reject(CutpointError.aborted(signal));
      };
      const cancel = clock.after(OVERLOAD_PAUSE_MS * this.#tries * share, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
