import { armTruth, trueHeads } from '../client/arm-truth.js';
import { Client, type Request } from '../client/client.js';
import { RunNoise } from '../client/run-noise.js';
import { EdgeQueue, type Place, type Tail } from '../edge/edge-queue.js';
import { EdgeServer, type LoadNews } from '../edge/edge-server.js';
import { LoadPath, PathCursor } from '../edge/load-path.js';
import { Direction } from '../link/direction.js';
import { allArms, wholeTailMs } from '../profiled-arms.js';
import {
  DEVICES,
  EDGES,
  HEAD_NOISE,
  HEADLINE_LINK,
  LAYER_DEVIATION,
  LOADS,
  PERIOD_MS,
  TAIL_NOISE,
  WARM_UP_MS,
} from '../protocol.js';
import { Random, seedOf } from '../random.js';
import { canaryOf } from './cell.js';
import { type Contestant, controllerOf, nameOf, probesPeriodically } from './contestant.js';
import { type Crowd, type CrowdInference, crowdOf } from './crowd.js';
import { EventQueue } from './event-queue.js';
import { linkOf } from './links.js';
import type { Setup } from './setup.js';

/** The part of a {@link Setup} that a crowd needs. */
export type CrowdSetup = Pick<Setup, 'profiles' | 'networks' | 'device' | 'edge' | 'clients'>;

/** What every policy is tried with when all clients use it. */
export const CROWD_CONTESTANTS: readonly Contestant[] = [
  { kind: 'policy', policy: 'local' },
  { kind: 'policy', policy: 'offload-compressed' },
  { kind: 'policy', policy: 'neurosurgeon' },
  { kind: 'policy', policy: 'loadpart' },
  { kind: 'policy', policy: 'offload' },
  { kind: 'policy', policy: 'dads' },
  { kind: 'policy', policy: 'ans' },
  { kind: 'policy', policy: 'cutpoint' },
  { kind: 'policy', policy: 'cutpoint', without: ['stagger'] },
];

type Event =
  | { readonly kind: 'ask'; readonly client: number }
  | { readonly kind: 'tick'; readonly client: number }
  | { readonly kind: 'announce'; readonly client: number; readonly request: Request }
  | { readonly kind: 'arrive'; readonly client: number; readonly place: Place }
  | { readonly kind: 'finish'; readonly client: number; readonly request: Request; readonly tail: Tail }
  | { readonly kind: 'done'; readonly client: number; readonly complete: () => void }
  | { readonly kind: 'news'; readonly news: LoadNews };

interface Member {
  readonly client: Client;
  readonly network: number;
  inferences: number;
  startMs: number;
  /** Index of its inference that is under way. */
  latest: number;
  /** Nothing of an inference of this client is on its link. */
  isFree: boolean;
}

/**
 * Many clients of one edge, all with the same policy: each with a link, a device and a seed of its own, the networks dealt
 * out in turn. They make load for each other.
 * @param load name of what the edge has to do beside them
 */
export function manyClients(setup: CrowdSetup, contestant: Contestant, load: string, seed: number): Crowd {
  return new Many(setup, contestant, load, seed).run();
}

class Many {
  readonly #setup: CrowdSetup;
  readonly #contestant: Contestant;
  readonly #load: string;
  readonly #endMs: number;
  readonly #server: EdgeServer;
  readonly #events = new EventQueue<Event>();
  readonly #members: readonly Member[];
  /** Whose places are held at the edge. */
  readonly #places = new Map<Place, { readonly client: number; readonly request: Request }>();
  readonly #done: CrowdInference[] = [];

  constructor(setup: CrowdSetup, contestant: Contestant, load: string, seed: number) {
    const { profiles, networks, clients, edge } = setup;
    this.#setup = setup;
    this.#contestant = contestant;
    this.#load = load;
    this.#endMs = WARM_UP_MS + clients.durationMs;
    const tailsMs = profiles.map((profile) => wholeTailMs(edge, profile));
    const law = LOADS.find(({ name }) => name === load);
    if (law === undefined) throw new Error(`The protocol has no load '${load}'`);
    const path = new LoadPath(
      [{ law, startMs: 0, endMs: this.#endMs }],
      { tailsMs, noise: TAIL_NOISE },
      seedOf('crowd', seed),
    );
    const canaries = networks.flatMap((network) => {
      const profile = profiles[network];
      return profile === undefined ? [] : [canaryOf(profile, network, edge)];
    });
    const { hasGpu } = EDGES[edge];
    this.#server = new EdgeServer({
      queue: new EdgeQueue(new PathCursor(path), tailsMs, canaries),
      models: networks,
      names: profiles.map(({ network }) => network),
      tenantShare: hasGpu ? (fromMs, toMs) => path.tenantShare(fromMs, toMs) : undefined,
      clients: clients.count,
      onNews: (news) => this.#events.push(news.atMs + HEADLINE_LINK.roundTripMs / 2, { kind: 'news', news }),
      onStart: (tail) => this.#started(tail),
    });
    this.#members = Array.from({ length: clients.count }, (_, index) => this.#member(index, seed));
    const random = new Random(seedOf('starts', seed));
    for (const [client, member] of this.#members.entries()) {
      this.#events.push(random.next() * PERIOD_MS, { kind: 'ask', client });
      this.#events.push(member.client.nextAtMs, { kind: 'tick', client });
    }
  }

  run(): Crowd {
    for (let next = this.#nextAtMs; next < this.#endMs; next = this.#nextAtMs) {
      // What the edge does at the same moment comes first: its news are no older for it.
      if (this.#server.nextAtMs <= next) {
        this.#server.advance(next);
        continue;
      }
      const first = this.#events.shift();
      if (first !== undefined) this.#happen(first.event, first.atMs);
    }
    return crowdOf({ contestant: nameOf(this.#contestant), load: this.#load }, this.#done, this.#members.length, {
      fromMs: WARM_UP_MS,
      toMs: this.#endMs,
    });
  }

  get #nextAtMs(): number {
    return Math.min(this.#events.nextAtMs, this.#server.nextAtMs);
  }

  #started(tail: Tail): void {
    const held = tail.place && this.#places.get(tail.place);
    if (tail.place === undefined || held === undefined) return;
    this.#places.delete(tail.place);
    this.#events.push(tail.finishMs, { ...held, kind: 'finish', tail });
  }

  #member(index: number, seed: number): Member {
    const { profiles, networks, device, edge } = this.#setup;
    const network = networks[index % networks.length] ?? 0;
    const profile = profiles[network];
    if (profile === undefined) throw new RangeError(`no network ${network}`);
    const own = seedOf('client', seed, index);
    const link = linkOf({ kind: 'constant', ...HEADLINE_LINK }, own);
    const heads = profile.cuts.map(({ id, headMs, isPrefix }) => ({ cut: id, headMs, isPrefix }));
    const arms = allArms(profile, device, edge);
    const truth = armTruth(arms, trueHeads(heads, DEVICES[device].d, LAYER_DEVIATION, own));
    const client = new Client({
      truth,
      up: new Direction(link.up, link.roundTripMs),
      down: new Direction(link.down, link.roundTripMs),
      noise: new RunNoise({ head: HEAD_NOISE, tail: TAIL_NOISE }, own),
      probesPeriodically: probesPeriodically(this.#contestant),
      controller: controllerOf(this.#contestant, arms, own),
      seed: own,
    });
    return { client, network, inferences: 0, startMs: 0, latest: -1, isFree: true };
  }

  #happen(event: Event, nowMs: number): void {
    if (event.kind === 'news') {
      for (const { client, network, isFree } of this.#members) {
        const load = event.news.byModel.get(network);
        if (load !== undefined) client.hear(load, nowMs, isFree);
      }
      return;
    }
    const member = this.#members[event.client];
    if (member === undefined) return;
    switch (event.kind) {
      case 'tick':
        member.client.tick(member.isFree);
        this.#events.push(member.client.nextAtMs, { kind: 'tick', client: event.client });
        return;
      case 'ask':
        this.#ask(event.client, member, nowMs);
        return;
      case 'announce': {
        const { client, network: model } = member;
        const { request } = event;
        const profiledMs = client.truth.tailMs[request.arm] ?? 0;
        const place = this.#server.reserve({ model, announcedMs: nowMs, idleMs: client.tailMs(request), profiledMs });
        this.#places.set(place, { client: event.client, request });
        this.#events.push(Math.max(nowMs, request.readyMs), { kind: 'arrive', client: event.client, place });
        return;
      }
      case 'arrive':
        this.#server.submit(event.place, nowMs);
        return;
      case 'finish': {
        const { client, request, tail } = { ...event, client: member.client };
        const load = this.#server.loadOf(member.network, nowMs);
        const complete = () => client.end(request, tail, load);
        this.#events.push(client.receive(nowMs, request.arm), { kind: 'done', client: event.client, complete });
        return;
      }
      case 'done':
        event.complete();
        this.#finished(event.client, member, nowMs);
    }
  }

  #ask(index: number, member: Member, nowMs: number): void {
    const { client } = member;
    const { truth, controller } = client;
    const chosen = controller?.decide(nowMs).chosen.arm;
    const arm = chosen === undefined ? 0 : truth.arms.indexOf(chosen);
    const request = client.begin(member.inferences, nowMs, arm);
    member.inferences++;
    member.startMs = nowMs;
    const usesEdge = truth.usesEdge[arm] === true;
    member.isFree = !usesEdge;
    this.#done.push({ client: index, network: member.network, startMs: nowMs, latencyMs: Number.NaN, arm, usesEdge });
    const announcedMs = nowMs + HEADLINE_LINK.roundTripMs / 2;
    if (usesEdge) this.#events.push(announcedMs, { kind: 'announce', client: index, request });
    else this.#events.push(request.readyMs, { kind: 'done', client: index, complete: () => client.endLocal(request) });
    member.latest = this.#done.length - 1;
  }

  #finished(index: number, member: Member, nowMs: number): void {
    const record = this.#done[member.latest];
    if (record !== undefined) this.#done[member.latest] = { ...record, latencyMs: nowMs - record.startMs };
    member.isFree = true;
    this.#events.push(Math.max(nowMs, member.startMs + PERIOD_MS), { kind: 'ask', client: index });
  }
}
