import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Bottleneck, type LinkShape } from './link-model.js';
import { Pacer } from './pacer.js';
import { ShapedPipe } from './shaped-pipe.js';

export interface ShapingProxyOptions {
  readonly targetPort: number;
  /** 0 for any free one. */
  readonly port?: number;
  /** Only connections that begin with a request to upgrade are shaped; others pass as fast as they can. */
  readonly onlyWebSockets?: boolean;
}

const UPGRADE = /\r\nupgrade: *websocket\r\n/i;

/** A TCP proxy that makes a link of given rate and round trip out of loopback, in both directions. */
export class ShapingProxy implements AsyncDisposable {
  readonly port: number;
  #shape: LinkShape | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pacer = new Pacer();
  readonly #up = new Bottleneck();
  readonly #down = new Bottleneck();

  private constructor(server: Server, port: number, { targetPort, onlyWebSockets = false }: ShapingProxyOptions) {
    this.#server = server;
    this.port = port;
    server.on('connection', (client) => this.#join(client, targetPort, onlyWebSockets));
  }

  static async start(options: ShapingProxyOptions): Promise<ShapingProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }).listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    return new ShapingProxy(server, address.port, options);
  }

  /** Holds for every segment that arrives from now on. */
  setShape(shape: LinkShape | undefined): void {
    this.#shape = shape;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(client: Socket, targetPort: number, onlyWebSockets: boolean): void {
    const edge = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const [socket, other] of [
      [client, edge],
      [edge, client],
    ] as const) {
      this.#sockets.add(socket);
      // A close follows. Where there was no error the pipes hand on what is still on its way, and then the end.
      socket.on('error', () => {});
      socket.once('close', (hadError) => {
        this.#sockets.delete(socket);
        if (hadError) other.destroy();
      });
    }
    client.once('data', (first: Buffer) => {
      const isShaped = !onlyWebSockets || UPGRADE.test(first.toString('latin1'));
      const shape = () => (isShaped ? this.#shape : undefined);
      const pacer = this.#pacer;
      const up = new ShapedPipe({ from: client, to: edge, bottleneck: this.#up, pacer, shape });
      new ShapedPipe({ from: edge, to: client, bottleneck: this.#down, pacer, shape });
      up.push(first);
    });
  }
}
