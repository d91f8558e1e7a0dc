import { connect, type DeviceChoice } from '@cutpoint/client';

export interface LocalRequest {
  readonly model: string;
  /** Address of the network's file. */
  readonly network: string;
  readonly warmUpRuns: number;
  readonly runs: number;
}

export interface LocalTimes {
  readonly clientMs: readonly number[];
  readonly bareMs: readonly number[];
  /** Of the client's runs, what the head took in its worker. */
  readonly headMs: readonly number[];
  readonly device: DeviceChoice;
  /** Of one output between the two, over the largest output. */
  readonly worstDifference: number;
}

type Ort = typeof import('onnxruntime-web');

/** The same network, the same feeds: by a session of ours that is forced to run all of it here, and by onnxruntime-web itself. */
export async function compareLocal({ model, network, warmUpRuns, runs }: LocalRequest): Promise<LocalTimes> {
  // Wishes for nothing and fetches nothing: no other head is built meanwhile.
  const session = await connect('/', { model, policy: 'offload', rescue: 'off' });
  try {
    const device = await session.ready();
    const ort = await bareOrt(device);
    const input = session.manifest.variants.find(({ kind }) => kind === 'tensors')?.inputs[0];
    if (!input) throw new Error(`${model} takes no tensors`);
    const count = input.dims.reduce((product, dim) => product * dim, 1);
    const data = Float32Array.from(
      { length: count },
      (_, index) => 100 * Math.sin(index / 50) * Math.cos(index / 7_000),
    );
    const feeds = { [input.name]: new ort.Tensor('float32', data, [...input.dims]) };

    await session.run(feeds);
    session.forceCut(session.explain()?.candidates.find(({ arm }) => !arm.usesEdge)?.arm.cut);
    const bare = await ort.InferenceSession.create(new Uint8Array(await (await fetch(network)).arrayBuffer()), {
      executionProviders: [device.kind],
    });
    const byClient = async () => firstOf(await session.run(feeds));
    const byBare = async () => firstOf(await bare.run(feeds));
    const worstDifference = differenceOf(await byClient(), await byBare());

    const times = { clientMs: [] as number[], bareMs: [] as number[] };
    const headMs: number[] = [];
    session.on('trace', (trace) => headMs.push(trace.headMs));
    for (let run = -warmUpRuns; run < runs; run++) {
      const ways = [
        ['clientMs', byClient],
        ['bareMs', byBare],
      ] as const;
      for (const [name, way] of run % 2 === 0 ? ways : ways.toReversed()) {
        const startMs = performance.now();
        await way();
        if (run >= 0) times[name].push(performance.now() - startMs);
      }
    }
    await bare.release();
    return { ...times, headMs: headMs.slice(-runs), device, worstDifference };
  } finally {
    await session.close();
  }
}

/** The build that is best for what heads run on, whatever build the client took; and as many threads. */
async function bareOrt({ kind, threads }: DeviceChoice): Promise<Ort> {
  const ort = await importBest(kind);
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return ort;
}

function importBest(kind: DeviceChoice['kind']): Promise<Ort> {
  // Its kernels of the CPU are the fastest.
  if (kind === 'wasm') return import('onnxruntime-web/wasm');
  return 'Suspending' in WebAssembly ? import('onnxruntime-web/jspi') : import('onnxruntime-web/webgpu');
}

interface ReadableTensor {
  readonly data: unknown;
  getData?(): Promise<unknown>;
}

/** The first output's numbers, from wherever they are: `run` may resolve before a GPU has finished. */
async function firstOf(outputs: Readonly<Record<string, ReadableTensor>>): Promise<Float32Array> {
  const [output] = Object.values(outputs);
  const data = await (output?.getData?.() ?? output?.data);
  if (!(data instanceof Float32Array)) throw new Error('the first output is no float32 tensor');
  return data;
}

function differenceOf(one: Float32Array, other: Float32Array): number {
  let [worst, most] = [0, 0];
  for (const [index, value] of one.entries()) {
    worst = Math.max(worst, Math.abs(value - (other[index] ?? Number.NaN)));
    most = Math.max(most, Math.abs(value));
  }
  return worst / most;
}
