import { createHash } from 'node:crypto';
import { type Cut, type CutTable, encodeTensor, type Manifest, type ModelStatus } from '@cutpoint/protocol';
import { WebSocket } from 'ws';
import { SYSTEM_CLOCK } from '../clock.js';
import { SharedEdge } from '../edge.js';
import { EdgeHttp } from '../http.js';
import type { SocketConstructor } from '../transport/socket.js';
import type { Call, Results, TensorMessage } from '../worker/messages.js';
import { Runtime } from '../worker/runtime.js';
import { FakeWorker } from './fake-worker.js';
import { WsEdge } from './ws-edge.js';

/** A network of two nodes, x → h → y, each a tensor of two numbers. Its head gives zeros, its edge what the test says. */

const info = (name: string) => ({ name, type: 'float32' as const, dims: [2] });
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

const headOf = (id: number) => Buffer.from(`a head of ${id} nodes`);
const PACK = Buffer.from('some weights');
/** Names its pack, as graphs do. */
const TAIL = Buffer.from(`a tail of ${sha256(PACK)}`);
export const TAIL_GRAPH = sha256(TAIL);
const GRAPHS = [TAIL, ...[1, 2, 3, 4].map(headOf)];

/** sha256 of the head of so many nodes. */
export function headGraph(id: number): string {
  return sha256(headOf(id));
}

function cut(id: 0 | 1 | 2): Cut {
  return {
    id,
    headNodes: id,
    crossing: id === 2 ? [] : [id],
    headOutputs: id === 2 ? ['y'] : [],
    tailOutputs: id === 2 ? [] : ['y'],
    headGraph: id === 0 ? null : headGraph(id),
    tailGraph: id === 2 ? null : TAIL_GRAPH,
    headPacks: id === 0 ? [] : [0],
    bytesUp: id === 2 ? 0 : 8,
    bytesDown: id === 2 ? 0 : 8,
    headFlops: id,
    headMs: id * 5,
    tailMs: (2 - id) * 5,
    timed: true,
  };
}

export function tinyTable(more: Partial<CutTable> = {}): CutTable {
  return {
    format: 'cutpoint.cuts.v1',
    model: 'tiny',
    variant: 'tensors:x=2',
    tensors: [info('x'), info('h')],
    nodes: ['Relu', 'Relu'].map((opType, i) => ({ opType, name: `n${i}`, flops: 1 })),
    cuts: [cut(0), cut(1), cut(2)],
    profile: { machine: 'a test', provider: 'cpu', threads: 1 },
    ...more,
  };
}

export function tinyManifest(table: CutTable, packs: readonly Uint8Array[] = [PACK]): Manifest {
  return {
    format: 'cutpoint.manifest.v1',
    model: 'tiny',
    version: '1',
    description: 'For tests',
    task: { type: 'tensors' },
    packs: packs.map((pack) => ({ sha256: sha256(pack), numBytes: pack.byteLength })),
    variants: [
      {
        id: 'tensors:x=2',
        kind: 'tensors',
        inputs: [info('x')],
        outputs: [info('y')],
        table: sha256(JSON.stringify(table)),
      },
    ],
  };
}

/** An edge on a real port, with real sockets and documents. */
export class TinyEdge {
  readonly ws: WsEdge;
  /** What it serves now. */
  table = tinyTable();
  packs: readonly Uint8Array[] = [PACK];
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** How far it says that the model is, one question after another; the last answer for good. */
  statuses: ModelStatus['status'][] = ['ready'];
  /** What its results say of the table that they are asked for by. */
  isStale: (table: string) => boolean = () => false;
  /** Waited for before a cut table is sent. */
  beforeTable: Promise<void> | undefined;

  private constructor(ws: WsEdge) {
    this.ws = ws;
  }

  static async listen(): Promise<TinyEdge> {
    let edge: TinyEdge | undefined;
    const ws = await WsEdge.listen(4, 0, async ({ url = '' }, response) => {
      if (!edge) return;
      edge.asked.push(url);
      if (url.startsWith('/v1/tables/')) await edge.beforeTable;
      const body = edge.#body(url);
      response.writeHead(body ? 200 : 404).end(body ?? '{"code":"unknown_object","message":"gone"}');
    });
    edge = new TinyEdge(ws);
    return edge;
  }

  get manifest(): Manifest {
    return tinyManifest(this.table, this.packs);
  }

  get baseUrl(): URL {
    return new URL(`http://127.0.0.1:${this.ws.port}/`);
  }

  /** Answers every inference, in turn: numbers with a result, words with an error of that code, `null` not at all. */
  script(...answers: (readonly number[] | string | null)[]): void {
    this.ws.onRequest = (id, { table }) => {
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (typeof answer === 'string') this.ws.send({ type: 'error', id, code: answer, message: `refused: ${answer}` });
      else if (answer) this.ws.reply(id, answer, this.isStale(table) ? { stale: true } : {});
    };
  }

  close(): Promise<void> {
    return this.ws.close();
  }

  #body(url: string): string | Uint8Array | undefined {
    const { table, manifest } = this;
    switch (url) {
      case '/v1/models': {
        const status = this.statuses.length > 1 ? this.statuses.shift() : this.statuses[0];
        return JSON.stringify({ models: [{ name: 'tiny', version: '1', description: '', status }] });
      }
      case '/v1/models/tiny/manifest':
        return JSON.stringify(manifest);
      case `/v1/tables/${manifest.variants[0]?.table}`:
        return JSON.stringify(table);
    }
    const named = [...GRAPHS, ...this.packs];
    return named.find((bytes) => url.endsWith(`/${sha256(bytes)}`));
  }
}

/** What a worker with that network answers. */
export function tinyHead(call: Call): { value: Results[keyof Results] } {
  switch (call.type) {
    case 'probe':
      return { value: { kind: 'wasm', build: 'wasm', threads: 1, reason: 'a test' } };
    case 'load':
      return { value: { ms: 1, version: '1.0.0' } };
    case 'create':
      return { value: { inputNames: call.inputs.map(({ name }) => name), provider: 'wasm', warmUpMs: 1 } };
    case 'run': {
      const travels = (name: string) => call.encode?.names.includes(name) ?? false;
      const made = call.fetches.map((name): TensorMessage => ({ ...info(name), bytes: new Uint8Array(8) }));
      const outputs = made.filter(({ name }) => !travels(name));
      const encoded = made
        .filter(({ name }) => travels(name))
        .map(({ bytes, ...tensor }) => encodeTensor({ ...tensor, data: bytes }, 'raw'));
      return { value: { outputs, encoded, headMs: 1, encodeMs: 0 } };
    }
    case 'release':
      return { value: null };
  }
}

/** The client's view of it, online. */
export async function openTinyEdge(
  { baseUrl }: TinyEdge,
  perform: ConstructorParameters<typeof FakeWorker>[0] = tinyHead,
): Promise<SharedEdge> {
  const http = new EdgeHttp(baseUrl, undefined);
  const { runtime, device } = await Runtime.start('wasm', SYSTEM_CLOCK, () => new FakeWorker(perform));
  const edge = new SharedEdge({
    baseUrl,
    token: undefined,
    http,
    runtime,
    device,
    // The same interface with wider listener types.
    WebSocket: WebSocket as unknown as SocketConstructor,
  });
  edge.connection.open();
  await edge.connection.whenOnline(5000);
  return edge;
}
