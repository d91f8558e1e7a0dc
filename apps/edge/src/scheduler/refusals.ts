import { ProtocolError } from '@cutpoint/protocol';

/** @param free places; the others are taken */
export function overloaded(free: number, waiting: number, ofClient: number): ProtocolError {
  const limit = free > 0 ? 'its share' : 'the limit';
  return new ProtocolError(
    'overloaded',
    `${waiting} requests are waiting, ${ofClient} of them this client's, which is ${limit}; decide again with the load reported here`,
  );
}

export function tooLate(waitMs: number, runMs: number): ProtocolError {
  return new ProtocolError(
    'deadline_exceeded',
    `a worker is free in ${waitMs.toFixed(0)} ms and the tail takes ${runMs.toFixed(0)}: ` +
      'too late for the deadline; decide again, or allow more time',
  );
}

export function expired(): ProtocolError {
  return new ProtocolError('deadline_exceeded', 'the deadline cannot be kept any more: no worker was free in time');
}
