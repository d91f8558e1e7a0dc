import type { Server, Socket } from 'node:net';
import { BlockList, isIPv6 } from 'node:net';
import { normalizeIP } from '@fastify/rate-limit';

interface StrangersOptions {
  /** Sockets of one address on which nobody was let in yet; one more is closed at once. */
  readonly maxPerAddress: number;
  /** Proxies have the sockets of many. */
  readonly trustProxy: readonly string[];
}

/**
 * Sockets on which nobody was let in yet: before a token was looked at nothing else tells whose they are, and whoever opens them
 * and is silent would have all that there are.
 */
export class Strangers {
  readonly #maxPerAddress: number;
  readonly #proxies = new BlockList();
  readonly #byAddress = new Map<string, Set<Socket>>();

  constructor({ maxPerAddress, trustProxy }: StrangersOptions) {
    this.#maxPerAddress = maxPerAddress;
    for (const item of trustProxy) {
      const [address = '', bits] = item.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#proxies.addAddress(address, family);
      else this.#proxies.addSubnet(address, Number(bits), family);
    }
  }

  /** @param server its sockets are counted before TLS, where there is any. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#meet(socket));
  }

  /** Somebody was let in on this socket. @param remotePort as the request's socket has it: with TLS that is another object. */
  letIn({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): void {
    const sockets = this.#byAddress.get(keyOf(remoteAddress));
    for (const socket of sockets ?? []) {
      if (socket.remotePort === remotePort && socket.remoteAddress === remoteAddress)
        this.#forget(socket, remoteAddress);
    }
  }

  /** Its sockets are those of many, and nobody's. */
  isProxy(address: string): boolean {
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
    return this.#proxies.check(mapped ?? address, mapped === undefined && isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  #meet(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || this.isProxy(remoteAddress)) return;
    const key = keyOf(remoteAddress);
    const sockets = this.#byAddress.get(key) ?? new Set();
    if (sockets.size >= this.#maxPerAddress) {
      socket.destroy();
      return;
    }
    this.#byAddress.set(key, sockets.add(socket));
    socket.once('close', () => this.#forget(socket, remoteAddress));
  }

  #forget(socket: Socket, remoteAddress: string | undefined): void {
    const key = keyOf(remoteAddress);
    const sockets = this.#byAddress.get(key);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#byAddress.delete(key);
  }
}

function keyOf(address: string | undefined): string {
  return address === undefined ? '' : normalizeIP(address);
}
