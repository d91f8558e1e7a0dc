import { OnnxError } from '@cutpoint/onnx';
import { errnoOf, ModelError, type ModelErrorCode, messageOf } from '../models/error.js';
import { giveWay } from '../ort/give-way.js';
import { createNodeRuntime } from '../ort/runtime.js';
import { buildPrepared } from './build.js';
import { cacheKey, type Machine, SESSION_THREADS } from './cache-key.js';
import type { PrepareRequest } from './prepared.js';
import { writePrepared } from './record.js';
import { ObjectStore } from './store.js';

/** What the parent sends, once. */
export interface PrepareJob {
  readonly key: string;
  readonly machine: Machine;
  readonly request: Omit<PrepareRequest, 'onProgress' | 'signal'>;
}

/** What it is told. `done` and `failed` come last. */
export type PrepareReport =
  | { readonly type: 'progress'; readonly stage: string; readonly done: number; readonly total: number }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly code: ModelErrorCode; readonly message: string };

// In the session of the edge, because Linux shares cores between sessions first (`sched_autogroup`): one of its own would have
// as much of a core as the edge with all its threads, whatever its priority.
giveWay();
// So it hears a Ctrl-C too, which is for the edge, and that then ends this one.
process.on('SIGINT', () => undefined);

/** The entry of the process that prepares one model. It has no other duty, so it may block and may die. */
process.once('message', (job: PrepareJob) => {
  void run(job).finally(() => process.disconnect?.());
});
// The one who asked is gone, or has been told: either way there is nothing more to do. An orderly exit would take
// onnxruntime down while it may still be at work, which aborts with words that help nobody.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

async function run(job: PrepareJob): Promise<void> {
  try {
    const store = new ObjectStore(job.request.storeDir);
    const runtime = createNodeRuntime({ dir: store.objectsDir, threads: SESSION_THREADS });
    const record = await buildPrepared(
      { ...job.request, onProgress: (progress) => report({ type: 'progress', ...progress }) },
      { store, machine: job.machine, runtime },
    );
    if ((await cacheKey(job.request, job.machine)) !== job.key) {
      throw new ModelError('source_unreadable', 'its files changed while they were read; load it again');
    }
    await writePrepared(store, job.key, record);
    await report({ type: 'done' });
  } catch (error) {
    await report({ type: 'failed', code: codeOf(error), message: `${job.request.name}: ${messageOf(error)}` });
  }
}

function codeOf(error: unknown): ModelErrorCode {
  if (error instanceof ModelError) return error.code;
  // Graphs are written while they are opened, too.
  const cause = error instanceof OnnxError ? error.cause : error;
  if (errnoOf(cause) !== undefined) return ModelError.fromStore(cause, '').code;
  if (!(error instanceof OnnxError)) return 'prepare_failed';
  switch (error.code) {
    case 'not_onnx':
    case 'truncated':
    case 'missing_external_data':
    case 'invalid_graph':
      return 'not_a_model';
    case 'dims_mismatch':
    case 'unknown_name':
    case 'dynamic_dims':
      return 'bad_config';
    default:
      return 'prepare_failed';
  }
}

/** Resolves when it is on its way: a process that ends earlier loses what it said last. */
function report(message: PrepareReport): Promise<void> {
  return new Promise((done) => {
    if (process.send === undefined) return done();
    process.send(message, undefined, undefined, () => done());
  });
}
