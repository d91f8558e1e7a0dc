import { type InferMessage, PayloadAssembler } from '@cutpoint/protocol';
import type { Job, Place } from '../scheduler/scheduler.js';
import type { Admitted } from './admission.js';

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
}
