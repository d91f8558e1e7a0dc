import { parentPort, workerData } from 'node:worker_threads';
import type { Setup } from './setup.js';
import { runTask, type Task } from './tasks.js';

// Started by `pool.ts`, which gives it the setup and then one task after the other.
const setup = workerData as Setup;
parentPort?.on('message', (task: Task) => parentPort?.postMessage(runTask(setup, task)));
