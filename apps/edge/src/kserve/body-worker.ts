import { ProtocolError } from '@cutpoint/protocol';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { BodyRefusal, BodyResult, BodyTask } from './body-thread.js';
import { readInferRequest } from './infer-request.js';
import { writeInferResponse } from './infer-response.js';

/** Reads and writes large JSON bodies on this thread. Its default export is what Piscina calls. */
export default function runBodyTask(task: BodyTask): ReturnType<typeof move> | BodyRefusal {
  try {
    const result: BodyResult =
      'read' in task
        ? { read: readInferRequest(task.read.body, task.read.jsonBytes, task.read.contracts) }
        : { written: writeInferResponse(task.write) };
    const { buffer } = 'read' in result ? result.read.payload : result.written.body;
    return move({ [transferableSymbol]: buffer, [valueSymbol]: result });
  } catch (error) {
    // Between threads an error loses all but its message.
    if (error instanceof ProtocolError) return { refusal: { code: error.code, message: error.message } };
    throw error;
  }
}
