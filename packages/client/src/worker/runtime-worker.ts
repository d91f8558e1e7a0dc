import { HeadRuntime, RuntimeUnavailable } from './head-runtime.js';
import type { AnswerMessage, Call, CallMessage, CancelMessage, Results } from './messages.js';
import { SerialQueue } from './serial-queue.js';

/** The worker that owns onnxruntime-web, so that the page's own thread never waits for a head. */

interface WorkerScope {
  postMessage(message: AnswerMessage, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<CallMessage | CancelMessage>) => void) | null;
}

// This file is compiled with the DOM's types, as the rest of the package is; at run time the global is a worker's.
const scope = globalThis as unknown as WorkerScope;
const queue = new SerialQueue();
const runtime = new HeadRuntime((deviceLost) => scope.postMessage({ deviceLost }, []));
const cancelled = new Set<number>();

scope.onmessage = ({ data }) => {
  if ('cancel' in data) {
    cancelled.add(data.id);
    return;
  }
  const { id, call } = data;
  void queue.run(async () => {
    if (cancelled.delete(id)) {
      scope.postMessage({ id, ok: false, message: 'cancelled', isUnavailable: false }, []);
      return;
    }
    try {
      const value = await perform(call);
      scope.postMessage({ id, ok: true, value }, transferable(value));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      scope.postMessage({ id, ok: false, message, isUnavailable: error instanceof RuntimeUnavailable }, []);
    }
    cancelled.delete(id);
  });
};

async function perform(call: Call): Promise<Results[keyof Results]> {
  switch (call.type) {
    case 'probe':
      return runtime.probe(call);
    case 'load': {
      const startMs = performance.now();
      const { env } = await runtime.load();
      return { ms: performance.now() - startMs, version: env.versions.web ?? '' };
    }
    case 'create':
      return runtime.create(call);
    case 'run':
      return runtime.run(call);
    case 'release':
      await runtime.release(call.key);
      return null;
  }
}

function transferable(value: Results[keyof Results]): Transferable[] {
  if (!value || !('outputs' in value)) return [];
  // Each is copied out of the wasm heap, or was made here: none lies in shared memory.
  return [...value.outputs, ...value.encoded].map(({ bytes }) => bytes.buffer as ArrayBuffer);
}
