import type { Manifest } from '@cutpoint/protocol';
import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { CutpointError } from '../errors.js';
import type { EdgeHttp } from '../http.js';
import { fetchManifest } from '../manifest.js';
import type { EdgeConnection } from '../transport/connection.js';
import { Failover } from './failover.js';
import { isSameModel } from './same-model.js';

export interface EdgeChoiceEvents {
  /** Another edge is in use from now on. */
  moved: URL;
  /** An edge is not turned to. */
  warning: CutpointError;
}

export interface EdgeChoiceParts {
  /** In the order of preference. */
  readonly edges: readonly URL[];
  /** Both of the edge that is in use first. */
  readonly http: EdgeHttp;
  readonly connection: EdgeConnection;
  readonly clock: Clock;
}

/** Which of the edges is in use. */
export class EdgeChoice {
  readonly events = new Emitter<EdgeChoiceEvents>();
  readonly #parts: EdgeChoiceParts;
  readonly #failover: Failover;
  /** Of the models that sessions use. */
  readonly #manifests = new Set<() => Manifest>();
  readonly #refused = new Set<string>();

  constructor(parts: EdgeChoiceParts) {
    this.#parts = parts;
    this.#failover = new Failover({
      ...parts,
      random: Math.random,
      current: () => this.current,
      check: (edge, signal) => this.#check(edge, signal),
      moveTo: (edge) => this.moveTo(edge),
    });
  }

  /** The edge in use. */
  get current(): URL {
    return this.#parts.http.baseUrl;
  }

  /** Whether these are the ones, in this order. */
  isAmong(edges: readonly URL[]): boolean {
    const own = this.#parts.edges;
    return edges.length === own.length && edges.every(({ href }, index) => href === own[index]?.href);
  }

  /** Uses another edge from now on, unless it does already. */
  moveTo(edge: URL): void {
    if (edge.href === this.current.href) return;
    const { http, connection } = this.#parts;
    http.moveTo(edge);
    // Before what was under way fails, and decides anew.
    this.events.emit('moved', edge);
    connection.moveTo(streamUrl(edge));
  }

  /** A session works with this model: another edge is turned to only where it is served. @returns what takes that back */
  serves(manifest: () => Manifest): () => void {
    this.#manifests.add(manifest);
    if (this.#parts.edges.length > 1) this.#failover.start();
    return () => {
      this.#manifests.delete(manifest);
    };
  }

  close(): void {
    this.#failover.stop();
    this.events.clear();
  }

  /** Whether an edge serves what the sessions work with. */
  async #check(edge: URL, signal: AbortSignal): Promise<void> {
    const http = this.#parts.http.at(edge);
    for (const used of [...this.#manifests]) {
      const { model } = used();
      const other = await fetchManifest(http, model, () => {}, signal);
      if (!isSameModel(other, used())) throw this.#refuse(edge, model);
    }
  }

  #refuse({ href }: URL, model: string): CutpointError {
    const message = `${href} serves another "${model}" than ${this.current.href}, and is not turned to.`;
    const error = new CutpointError('other_model', message);
    if (!this.#refused.has(message)) this.events.emit('warning', error);
    this.#refused.add(message);
    return error;
  }
}

/** Of one edge's WebSocket. */
export function streamUrl(baseUrl: URL): string {
  const url = new URL('v1/stream', baseUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
