import { type InferMessage, PayloadAssembler, ProtocolError } from '@cutpoint/protocol';
import type { Job, Place } from '../scheduler/scheduler.js';
import type { Owners } from '../scheduler/shared-use.js';
import type { Admitted } from './admission.js';
import type { ConnectionLimits } from './context.js';
import type { Course } from './settled.js';
import type { TailRequest } from './tail-job.js';

/** One `infer` from its announcement to its answer. */
export class Request {
  readonly message: InferMessage;
  readonly admitted: Admitted;
  readonly assembler: PayloadAssembler;
  readonly announcedAtMs: number;
  readonly deadlineAtMs: number | undefined;
  /** When the last chunk came, or the announcement before there was one. */
  lastChunkAtMs: number;
  /** Held from its reservation on, or from its announcement when it has none. */
  place: Place | undefined;
  /** Set once the payload is whole and the scheduler has taken it. */
  job: Job | undefined;
  /** When its tail's turn had come. */
  startedAtMs: number | undefined;
  /** To be called when it is over: its version of the model may then go. */
  readonly over: () => void;

  /** Allocates the payload. */
  constructor(message: InferMessage, admitted: Admitted, nowMs: number) {
    this.message = message;
    this.admitted = admitted;
    this.assembler = new PayloadAssembler(message.numBytes);
    this.announcedAtMs = nowMs;
    this.lastChunkAtMs = nowMs;
    this.over = admitted.served.version.hold();
    this.deadlineAtMs = message.deadlineMs === undefined ? undefined : nowMs + message.deadlineMs;
  }

  get id(): number {
    return this.message.id;
  }

  /** Its tail, once the payload is whole. */
  tail(owners: Owners): TailRequest {
    const { admitted, message, assembler, deadlineAtMs, lastChunkAtMs } = this;
    return {
      owners,
      admitted,
      inputs: message.tensors,
      payload: assembler.payload,
      outputs: admitted.served.cut.tailOutputs,
      receivedAtMs: lastChunkAtMs,
      deadlineAtMs,
    };
  }

  get course(): Course {
    const { message, announcedAtMs, startedAtMs } = this;
    const uploadedAtMs = this.job && this.lastChunkAtMs;
    return { ...courseOf(message, announcedAtMs), isAdmitted: true, uploadedAtMs, startedAtMs };
  }

  /** What to say when no more of its payload is waited for. */
  uploadTimeout(
    nowMs: number,
    { uploadIdleMs, uploadMs }: Pick<ConnectionLimits, 'uploadIdleMs' | 'uploadMs'>,
  ): ProtocolError | undefined {
    const idleMs = nowMs - this.lastChunkAtMs;
    const allMs = nowMs - this.announcedAtMs;
    if (this.job !== undefined || (idleMs < uploadIdleMs && allMs < uploadMs)) return undefined;
    const { receivedBytes, numBytes } = this.assembler;
    return new ProtocolError(
      'upload_timeout',
      `${receivedBytes} of ${numBytes} bytes came in ${allMs.toFixed(0)} ms, none for ${idleMs.toFixed(0)} ms`,
    );
  }
}

/** Of a request that was just announced. */
export function courseOf({ cut, tensors, traceparent }: InferMessage, announcedAtMs: number): Course {
  return { over: 'websocket', cut, tensors, traceparent, announcedAtMs };
}
