import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';

/** An input as Triton's Python client keeps it. */
export interface TritonInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  /** Sent behind the JSON. */
  readonly binary?: Uint8Array;
  /** Sent in the JSON, flat. */
  readonly data?: readonly (number | boolean)[];
}

export interface TritonOutput {
  readonly name: string;
  /** That client's default is `true`. */
  readonly binary?: boolean;
}

export interface TritonOptions {
  readonly version?: string;
  readonly outputs?: readonly TritonOutput[];
  readonly id?: string;
  /** In microseconds. */
  readonly timeout?: number;
  readonly compression?: 'gzip' | 'deflate';
  /** Sent before those of the client. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TritonAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** What the JSON says, an error or a result. */
  readonly json: Record<string, unknown>;
  /** Binary data of outputs by their names. */
  readonly buffers: ReadonlyMap<string, Buffer>;
}

const USER_AGENT = 'python/gevent-http-client-2.3.4';

/**
 * Puts the bytes on the wire that `tritonclient.http` does: compact JSON with its keys in that order, no content type, the
 * headers of its HTTP library in their order and spelling, one socket for one request after another.
 */
export class TritonClient {
  readonly #socket: Socket;
  readonly #host: string;
  #received = Buffer.alloc(0);
  #waiting: (() => void)[] = [];
  /** The last request, as it was sent. */
  sent = Buffer.alloc(0);

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    socket.on('close', () => this.#wake());
    socket.on('error', () => undefined);
  }

  static async open(url: string): Promise<TritonClient> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new TritonClient(socket, host);
  }

  async get(path: string): Promise<TritonAnswer> {
    return await this.#exchange('GET', path, [], undefined);
  }

  async infer(model: string, inputs: readonly TritonInput[], options: TritonOptions = {}): Promise<TritonAnswer> {
    const { version, compression, headers: own = {} } = options;
    const json = Buffer.from(inferenceJson(inputs, options));
    const binary = inputs.flatMap((input) => input.binary ?? []);
    const headers: [string, string | number][] = Object.entries(own);
    if (compression !== undefined) headers.push(['Content-Encoding', compression]);
    if (binary.length > 0) headers.push(['Inference-Header-Content-Length', json.byteLength]);
    const plain = Buffer.concat([json, ...binary]);
    const body = compression === undefined ? plain : compression === 'gzip' ? gzipSync(plain) : deflateSync(plain);
    const versioned = version === undefined ? '' : `/versions/${version}`;
    return await this.#exchange('POST', `/v2/models/${pythonQuote(model)}${versioned}/infer`, headers, body);
  }

  /** Bytes of a test's own. */
  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #exchange(
    method: string,
    path: string,
    headers: readonly (readonly [string, string | number])[],
    body: Buffer | undefined,
  ): Promise<TritonAnswer> {
    const fields = [['User-Agent', USER_AGENT], ...headers, ['Host', this.#host]];
    if (body !== undefined && body.byteLength > 0) fields.push(['Content-Length', body.byteLength]);
    const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.sent = Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), body ?? Buffer.alloc(0)]);
    this.#socket.write(this.sent);
    return await this.answer();
  }

  /** The next answer on this socket. */
  async answer(): Promise<TritonAnswer> {
    const end = await this.#until(() => {
      const index = this.#received.indexOf('\r\n\r\n');
      return index < 0 ? undefined : index;
    });
    const [statusLine = '', ...lines] = this.#received.subarray(0, end).toString('latin1').split('\r\n');
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const begin = end + 4;
    const length = Number(headers.get('content-length'));
    const body = await this.#until(() =>
      this.#received.byteLength < begin + length ? undefined : this.#received.subarray(begin, begin + length),
    );
    this.#received = this.#received.subarray(begin + length);
    const jsonBytes = headers.get('inference-header-content-length');
    const json: Record<string, unknown> = JSON.parse(
      body.subarray(0, jsonBytes === undefined ? undefined : Number(jsonBytes)).toString(),
    );
    return { status: Number(statusLine.split(' ')[1]), headers, json, buffers: buffersOf(json, body, jsonBytes) };
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#socket.destroyed || this.#socket.readableEnded) throw new Error('the edge closed the connection');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

function inferenceJson(inputs: readonly TritonInput[], { id, outputs, timeout }: TritonOptions): string {
  const parameters = {
    ...(timeout === undefined ? {} : { timeout }),
    ...(outputs === undefined ? { binary_data_output: true } : {}),
  };
  return JSON.stringify({
    ...(id === undefined ? {} : { id }),
    inputs: inputs.map(({ name, shape, datatype, binary, data }) => ({
      name,
      shape,
      datatype,
      ...(binary === undefined ? { data } : { parameters: { binary_data_size: binary.byteLength } }),
    })),
    ...(outputs === undefined
      ? {}
      : { outputs: outputs.map(({ name, binary = true }) => ({ name, parameters: { binary_data: binary } })) }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
  });
}

/** `urllib.parse.quote`: letters, digits and `_.-~/` stay. */
function pythonQuote(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/');
}

/** As that client finds them: by the sizes that the JSON gives, in its order. */
function buffersOf(
  json: Record<string, unknown>,
  body: Buffer,
  jsonBytes: string | undefined,
): ReadonlyMap<string, Buffer> {
  const buffers = new Map<string, Buffer>();
  if (jsonBytes === undefined || !Array.isArray(json.outputs)) return buffers;
  let offset = Number(jsonBytes);
  for (const { name, parameters } of json.outputs) {
    const size = parameters?.binary_data_size;
    if (size === undefined) continue;
    buffers.set(name, body.subarray(offset, offset + size));
    offset += size;
  }
  return buffers;
}

/** What `InferInput.set_data_from_numpy` makes of an array. */
export function binaryInput(
  name: string,
  datatype: string,
  shape: readonly number[],
  values: ArrayBufferView,
): TritonInput {
  return { name, datatype, shape, binary: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}
