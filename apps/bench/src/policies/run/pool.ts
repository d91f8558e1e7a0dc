import { Worker } from 'node:worker_threads';
import type { Setup } from './setup.js';
import { runTask, type Task, type TaskOutcome } from './tasks.js';

/**
 * Runs all tasks in so many threads, or in this one for 0. The outcomes come in the order of the tasks and do not depend
 * on the number of threads.
 */
export async function runAll(
  setup: Setup,
  tasks: readonly Task[],
  threads: number,
  onProgress: (done: number) => void = () => {},
): Promise<TaskOutcome[]> {
  if (threads === 0) return tasks.map((task) => runTask(setup, task));
  const outcomes = new Array<TaskOutcome>(tasks.length);
  let next = 0;
  let done = 0;
  const work = (thread: Worker) =>
    new Promise<void>((resolve, reject) => {
      let current = -1;
      const give = () => {
        current = next++;
        const task = tasks[current];
        if (task === undefined) resolve();
        else thread.postMessage(task);
      };
      thread.on('message', (outcome: TaskOutcome) => {
        outcomes[current] = outcome;
        onProgress(++done);
        give();
      });
      thread.on('error', reject);
      give();
    });
  const workers = Array.from(
    { length: Math.min(threads, tasks.length) },
    () => new Worker(new URL('./thread.js', import.meta.url), { workerData: setup }),
  );
  try {
    await Promise.all(workers.map(work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return outcomes;
}
