import type { WorkerLike } from '../worker/lane.js';
import type { AnswerMessage, Call, CallMessage, CancelMessage, Results } from '../worker/messages.js';

type Answer = { value: Results[keyof Results] } | { error: string; isUnavailable?: boolean } | undefined;

/** A worker without onnxruntime: it takes calls as the real one does, and the test says what they give. */
export class FakeWorker implements WorkerLike {
  onmessage: ((event: MessageEvent<AnswerMessage>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly calls: Call[] = [];
  readonly cancelled: number[] = [];
  isTerminated = false;
  readonly #perform: (call: Call) => Answer;

  /** @param perform what a call gives, or `undefined` when it never ends; once that happens nothing else is begun */
  constructor(perform: (call: Call) => Answer = () => undefined) {
    this.#perform = perform;
  }

  postMessage(message: CallMessage | CancelMessage, transfer: Transferable[] = []): void {
    // As the platform does: what is handed over is gone from the sender.
    const { id, ...rest } = structuredClone(message, { transfer: transfer as ArrayBuffer[] });
    if ('cancel' in rest) {
      this.cancelled.push(id);
      return;
    }
    this.calls.push(rest.call);
    const answer = this.#perform(rest.call);
    if (answer) queueMicrotask(() => this.answer(id, answer));
  }

  /** Answers the call that was posted as `id`th, from 1. */
  answer(id: number, answer: NonNullable<Answer>): void {
    this.say(
      'value' in answer
        ? { id, ok: true, value: answer.value }
        : { id, ok: false, message: answer.error, isUnavailable: answer.isUnavailable ?? false },
    );
  }

  say(data: AnswerMessage): void {
    if (!this.isTerminated) this.onmessage?.({ data } as MessageEvent<AnswerMessage>);
  }

  terminate(): void {
    this.isTerminated = true;
  }
}
