import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { ModelError } from '../models/error.js';
import { cacheKey, thisMachine } from './cache-key.js';
import type { PreparedModel, PrepareRequest } from './prepared.js';
import { readPrepared } from './record.js';
import { ObjectStore } from './store.js';
import type { PrepareJob, PrepareReport } from './worker.js';

/**
 * Makes a model servable: optimised once, cut everywhere, its weights in packs, the tails timed; or finds that all of it
 * lies in the store already, undamaged, for the same content, config, runtime and machine. The work runs in a process
 * of its own, because onnxruntime blocks and a broken model may take its process down.
 *
 * @throws ModelError with the reason in plain words; `prepare_crashed` when the process died, `aborted` by the signal.
 * @example
 * const prepared = await prepareModel({ ...(await repository.locate('ppocr-det')), storeDir: '.cutpoint' });
 */
export async function prepareModel(request: PrepareRequest): Promise<PreparedModel> {
  const storeDir = resolve(request.storeDir);
  const store = new ObjectStore(storeDir);
  await store.open();
  const machine = thisMachine();
  const key = await cacheKey(request, machine);
  throwIfAborted(request);
  const cached = await readPrepared(store, key);
  if (cached !== undefined) return cached;
  const { name, version, modelFile, config, labels, calibration = [] } = request;
  const job = { key, machine, request: { name, version, modelFile, config, labels, calibration, storeDir } };
  await inOwnProcess(job, request);
  const prepared = await readPrepared(store, key);
  if (prepared !== undefined) return prepared;
  throw new ModelError('store_failed', `${name} was prepared, but ${storeDir} does not hold it: is the disk healthy?`);
}

function throwIfAborted(request: PrepareRequest): void {
  if (request.signal?.aborted === true) throw new ModelError('aborted', `preparing ${request.name} was stopped`);
}

async function inOwnProcess(job: PrepareJob, asked: PrepareRequest): Promise<void> {
  const { onProgress, signal } = asked;
  // From here on the child is told; before, nobody listened.
  throwIfAborted(asked);
  // By its own package name, because this file also runs from its source, in tests.
  const entry = createRequire(import.meta.url).resolve('@cutpoint/edge/prepare-worker');
  const child = fork(entry, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // onnxruntime reads it when its process starts.
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = (said + String(chunk)).slice(-2000);
  });
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((done, failed) => {
      child.on('message', (report: PrepareReport) => {
        if (report.type === 'progress') onProgress?.(report);
        else if (report.type === 'done') done();
        else failed(new ModelError(report.code, report.message));
      });
      child.once('error', (error) => failed(crashed(job, error.message)));
      child.once('close', (code, by) => {
        if (signal?.aborted === true) failed(new ModelError('aborted', `preparing ${job.request.name} was stopped`));
        else failed(crashed(job, `it ended with ${by ?? code}. ${said.trim()}`));
      });
      child.send(job);
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    // Done or not, nothing more is wanted of it.
    child.kill('SIGKILL');
  }
}

function crashed(job: PrepareJob, reason: string): ModelError {
  return new ModelError('prepare_crashed', `the process that prepared ${job.request.name} died: ${reason}`.trim());
}
