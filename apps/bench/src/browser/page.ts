import type { InferenceSession, Tensor } from 'onnxruntime-web';

/** Runs inside the browser; compiled by itself and served to it, so nothing here may import what is not a type. */

/** Everything by URL: bytes travel over HTTP, which the debugger's protocol would be too slow for. */
export interface PageRequest {
  readonly graph: string;
  readonly packs: readonly { readonly path: string; readonly url: string }[];
  readonly feeds: readonly {
    readonly name: string;
    readonly type: Tensor.Type;
    readonly dims: readonly number[];
    readonly url: string;
  }[];
  readonly level: 'disabled' | 'basic' | 'extended' | 'all';
  readonly runs: number;
  readonly leastRuns: number;
  readonly budgetMs: number;
}

export interface PageOrt {
  /** @returns the wasm build's version */
  load(threads: number): Promise<string>;
  time(request: PageRequest): Promise<number[]>;
  /** @returns ONNX Runtime's trace, JSON */
  profile(request: PageRequest): Promise<string>;
}

type Ort = typeof import('onnxruntime-web');

const ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

// ONNX Runtime prints its profile line by line through the `console.log` that it found when it started.
const printed: string[] = [];
console.log = (...values: unknown[]) => void printed.push(values.join(' '));

let ort: Ort | undefined;

async function bytesAt(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.arrayBuffer();
}

async function open(request: PageRequest, enableProfiling: boolean): Promise<InferenceSession> {
  if (ort === undefined) throw new Error('load first');
  const externalData: { path: string; data: Uint8Array }[] = [];
  for (const { path, url } of request.packs) externalData.push({ path, data: new Uint8Array(await bytesAt(url)) });
  return ort.InferenceSession.create(new Uint8Array(await bytesAt(request.graph)), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: request.level,
    logSeverityLevel: 3,
    externalData,
    enableProfiling,
  } as InferenceSession.SessionOptions);
}

async function feedsOf(request: PageRequest): Promise<Record<string, Tensor>> {
  if (ort === undefined) throw new Error('load first');
  const feeds: Record<string, Tensor> = {};
  for (const { name, type, dims, url } of request.feeds) {
    if (type === 'string' || !Object.hasOwn(ARRAYS, type)) throw new Error(`"${name}" is a ${type} tensor`);
    // The cast: hasOwn says so.
    const TypedArray = ARRAYS[type as keyof typeof ARRAYS];
    feeds[name] = new ort.Tensor(type, new TypedArray(await bytesAt(url)), dims);
  }
  return feeds;
}

async function runAll(session: InferenceSession, request: PageRequest): Promise<number[]> {
  const feeds = await feedsOf(request);
  const times: number[] = [];
  let spentMs = 0;
  for (let run = 0; run < request.runs && (run < request.leastRuns || spentMs < request.budgetMs); run++) {
    const startMs = performance.now();
    const outputs = await session.run(feeds);
    for (const output of Object.values(outputs)) await output.getData();
    const ms = performance.now() - startMs;
    times.push(ms);
    spentMs += ms;
  }
  return times;
}

const pageOrt: PageOrt = {
  async load(threads) {
    const url = '/ort/ort.wasm.bundle.min.mjs';
    const loaded: Ort = await import(url);
    loaded.env.wasm.numThreads = threads;
    loaded.env.logLevel = 'error';
    ort = loaded;
    return loaded.env.versions.web ?? loaded.env.versions.common;
  },
  async time(request) {
    const session = await open(request, false);
    try {
      return await runAll(session, request);
    } finally {
      await session.release();
    }
  },
  async profile(request) {
    const session = await open(request, true);
    try {
      await runAll(session, request);
      printed.length = 0;
      session.endProfiling();
      return printed.join('\n');
    } finally {
      await session.release();
    }
  },
};

Object.assign(globalThis, { pageOrt });
