import { type Chunk, type ProbedMessage, type ProbeMessage, ProtocolError } from '@cutpoint/protocol';
import type { IgnoredPayloads } from './ignored-payloads.js';
import { Probe } from './probe.js';

interface ProbeAnswers {
  answer(message: ProbedMessage): void;
  refuse(id: number, error: ProtocolError): void;
}

/** The probes of one connection, of which one may be on its way at a time. */
export class Probing {
  readonly #ignored: IgnoredPayloads;
  readonly #answers: ProbeAnswers;
  #probe: Probe | undefined;

  /** @param ignored takes what still comes of a probe that was answered early */
  constructor(ignored: IgnoredPayloads, answers: ProbeAnswers) {
    this.#ignored = ignored;
    this.#answers = answers;
  }

  has(id: number): boolean {
    return this.#probe?.id === id;
  }

  announce(message: ProbeMessage, atMs: number): void {
    if (this.#probe === undefined) {
      this.#probe = new Probe(message, atMs);
      return;
    }
    this.#ignored.add(message.id, message.numBytes);
    this.#answers.refuse(message.id, new ProtocolError('too_many_in_flight', 'a probe is on its way; one at a time'));
  }

  /** @returns what is wrong with the chunk */
  receive(chunk: Chunk, atMs: number): ProtocolError | undefined {
    const wrong = this.#probe?.accept(chunk, atMs);
    const answer = this.#probe?.answer;
    if (wrong !== undefined || answer === undefined) return wrong;
    this.#probe = undefined;
    this.#answers.answer(answer);
    return undefined;
  }

  cancel(id: number, error: ProtocolError): void {
    if (this.has(id)) this.#end(error);
  }

  /** Gives up one of which nothing came for so long. */
  expire(nowMs: number, idleMs: number): void {
    if (this.#probe === undefined || nowMs - this.#probe.lastChunkAtMs < idleMs) return;
    this.#end(new ProtocolError('upload_timeout', 'the bytes of the probe did not come'));
  }

  #end(error: ProtocolError): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    this.#probe = undefined;
    this.#ignored.add(probe.id, probe.missingBytes);
    this.#answers.refuse(probe.id, error);
  }
}
