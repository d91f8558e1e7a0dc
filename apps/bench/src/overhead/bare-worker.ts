import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { BareReply, BareRequest, BareSetup } from './bare-tail.js';

/** The other end of `BareTail`: one session, and nothing between the message and its `run`. */
const setup = workerData as BareSetup; // given by BareTail alone
const session = await InferenceSession.create(
  setup.graphFile,
  setup.threads === undefined
    ? {}
    : {
        intraOpNumThreads: setup.threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
      },
);

parentPort?.on('message', async ({ data }: BareRequest) => {
  const feeds = { [setup.input]: new Tensor('float32', data, setup.dims) };
  const startedAt = performance.now();
  const outputs = await session.run(feeds);
  const runMs = performance.now() - startedAt;
  const output = outputs[setup.output]?.data;
  if (!(output instanceof Float32Array)) throw new Error(`the tail has no float32 output '${setup.output}'`);
  const reply: BareReply = { runMs, output: output.slice() };
  parentPort?.postMessage(reply);
});
parentPort?.postMessage('ready');
