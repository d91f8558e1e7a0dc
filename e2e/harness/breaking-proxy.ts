import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** A way to an edge that breaks off answers: for paths that match it sends so many bytes of the body, and hangs up. */
export interface Breaks {
  readonly path: RegExp;
  readonly afterBytes: number;
  /** So many answers; later ones come whole. */
  times: number;
}

/** What went through. */
export interface Passed {
  readonly path: string;
  readonly range: string | undefined;
  readonly status: number;
}

export class BreakingProxy implements AsyncDisposable {
  readonly passed: Passed[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(port: number, breaks: Breaks): Promise<BreakingProxy> {
    const server = createServer((asked, answer) => {
      const { url: path = '/', method, headers } = asked;
      const onward = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
        const status = response.statusCode ?? 502;
        proxy.passed.push({ path, range: headers.range, status });
        answer.writeHead(status, response.headers);
        if (breaks.times === 0 || !breaks.path.test(path)) {
          response.pipe(answer);
          return;
        }
        breaks.times -= 1;
        response.once('data', (bytes: Buffer) => {
          answer.write(bytes.subarray(0, breaks.afterBytes), () => setTimeout(() => answer.destroy(), 50));
          response.destroy();
        });
      });
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
    server.on('upgrade', (asked, socket, head) => {
      const onward = connect(port, '127.0.0.1', () => {
        const { rawHeaders } = asked;
        const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
        onward.write(`GET ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        onward.write(head);
        socket.pipe(onward).pipe(socket);
      });
      for (const end of [socket, onward]) end.on('error', () => end.destroy());
    });
    const proxy = new BreakingProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
