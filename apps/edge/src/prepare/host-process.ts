import { ModelError, messageOf } from '../models/error.js';
import { giveWay } from '../ort/give-way.js';
import type { HostCall, HostNews } from './host.js';
import { HOST_TASKS } from './host-tasks.js';

/** The entry of the process in which an edge that serves has its models found, checked and prepared, and its store cleared. */

giveWay();
// Whoever ends the edge may signal its whole group: what is under way here is the edge's to end, which goes on until it has drained.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
// The edge is gone, and nobody else wants anything of it. What it prepares ends with it, by the same sign.
process.once('disconnect', () => process.exit());

const running = new Map<number, AbortController>();

process.on('message', (call: HostCall) => {
  if ('abort' in call) running.get(call.id)?.abort();
  else void run(call);
});

async function run({ id, name, task }: Exclude<HostCall, { readonly abort: true }>): Promise<void> {
  const abort = new AbortController();
  running.set(id, abort);
  const tell = (news: HostNews) => process.send?.(news);
  try {
    // A name and its task come together, which the type of both at once cannot say.
    const work = HOST_TASKS[name] as (task: unknown, context: object) => Promise<unknown>;
    const onProgress = (progress: object) => tell({ id, progress } as HostNews);
    tell({ id, result: await work(task, { signal: abort.signal, onProgress }) });
  } catch (error) {
    const code = error instanceof ModelError ? error.code : undefined;
    tell({ id, failed: { code, message: messageOf(error) } });
  } finally {
    running.delete(id);
  }
}
