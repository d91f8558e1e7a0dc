import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span as OTLP's JSON has it, with its attributes as an object. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  /** 1 internal, 2 server. */
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  /** Code 0 unset, 2 error. */
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ReceivedSpan, 'attributes'> & { readonly attributes: readonly Attribute[] })[];
    }[];
  }[];
}

/** Takes spans over a real socket, as a collector of OpenTelemetry does. */
export class Collector {
  readonly #server: Server;
  spans: ReceivedSpan[] = [];
  texts: string[] = [];
  /** Of the last export. */
  headers: IncomingHttpHeaders = {};
  path: string | undefined;
  resource: Readonly<Record<string, unknown>> = {};
  numExports = 0;
  /** What it answers: 200 takes them. Nothing at all where it is absent. */
  status: number | undefined = 200;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const body = (await json(request)) as Export;
      this.headers = request.headers;
      this.path = request.url;
      this.numExports += 1;
      if (this.status === 200) this.#take(body);
      if (this.status !== undefined) {
        response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
      }
    });
  }

  /** @param port 0 for any */
  static async start(port = 0): Promise<Collector> {
    const collector = new Collector();
    collector.#server.listen(port, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get port(): number {
    // Of a server that listens on TCP.
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1/traces`;
  }

  /** Those of whole inferences. */
  get requests(): readonly ReceivedSpan[] {
    return this.spans.filter(({ kind }) => kind === 2);
  }

  /** In the order of their beginnings. */
  childrenOf({ spanId }: ReceivedSpan): readonly ReceivedSpan[] {
    const children = this.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
    return children.toSorted((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
  }

  forget(): void {
    this.spans = [];
    this.texts = [];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(body: Export): void {
    this.texts.push(JSON.stringify(body));
    for (const { resource, scopeSpans } of body.resourceSpans) {
      this.resource = plain(resource.attributes);
      for (const { spans } of scopeSpans) {
        this.spans.push(...spans.map((span) => ({ ...span, attributes: plain(span.attributes) })));
      }
    }
  }
}

function plain(attributes: readonly Attribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainOf(value)]));
}

function plainOf(value: Readonly<Record<string, unknown>>): unknown {
  const [[type, plainValue] = []] = Object.entries(value);
  if (type !== 'arrayValue') return plainValue;
  const { values } = plainValue as { readonly values: readonly Readonly<Record<string, unknown>>[] };
  return values.map(plainOf);
}
