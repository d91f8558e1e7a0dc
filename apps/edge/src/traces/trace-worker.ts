import { parentPort, workerData } from 'node:worker_threads';
import type { ThreadNews, ThreadOptions, ThreadTask } from './options.js';
import { SpanWriter } from './span-writer.js';

/** Makes and sends spans on this thread: the event loop of the requests has nothing to do with it, and neither has their memory. */

const tell = (news: ThreadNews) => parentPort?.postMessage(news);
// Given by `TraceThread`, which starts this.
const writer = new SpanWriter(workerData as ThreadOptions, tell);

parentPort?.on('message', (task: ThreadTask) => {
  if ('traces' in task) for (const trace of task.traces) writer.write(trace);
  else void writer.close().then((lostSpans) => tell({ type: 'closed', lostSpans }));
});
