import type { LoadReport } from '@cutpoint/protocol';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { OpenTails } from '../dispatcher/dispatcher.js';

const MS_PER_S = 1000;

/** How the edge is at one moment. */
export interface EdgeState {
  readonly version: string;
  readonly load: LoadReport;
  readonly busyWorkers: number;
  readonly openTails: OpenTails;
  /** Payload bytes that are held for requests. */
  readonly heldBytes: number;
  /** On which clients were let in and ask over HTTP, */
  readonly httpSockets: number;
  /** and those that one client had too many, since the start. */
  readonly refusedSockets: number;
}

interface StateGauge {
  readonly name: string;
  readonly help: string;
  /** `undefined` or `null`: not known here, and then there is no sample. */
  readonly read: (state: EdgeState) => number | null | undefined;
}

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / MS_PER_S);

const GAUGES: readonly StateGauge[] = [
  {
    name: 'cutpoint_requests_in_flight',
    help: 'Inferences whose tail runs now.',
    read: ({ load }) => load.inFlight,
  },
  {
    name: 'cutpoint_queue_depth',
    help: 'Inferences that are whole and wait for a worker.',
    read: ({ load }) => load.queueDepth,
  },
  {
    name: 'cutpoint_queue_predicted_wait_seconds',
    help: 'Predicted wait for a worker of an inference that arrived now.',
    read: ({ load }) => seconds(load.queueMs),
  },
  {
    name: 'cutpoint_announced_work_seconds',
    help: 'Predicted work a worker that was announced and is not here yet.',
    read: ({ load }) => seconds(load.announcedMs),
  },
  { name: 'cutpoint_connections', help: 'WebSockets that are open.', read: ({ load }) => load.clients },
  {
    name: 'cutpoint_http_sockets',
    help: 'Sockets on which clients that were let in ask over HTTP; WebSockets, and those of trusted proxies, are not counted.',
    read: ({ httpSockets }) => httpSockets,
  },
  { name: 'cutpoint_workers', help: 'Tails that can run at a time.', read: ({ load }) => load.workers },
  {
    name: 'cutpoint_workers_busy',
    help: 'Workers that run a tail now, those of the edge itself included.',
    read: ({ busyWorkers }) => busyWorkers,
  },
  {
    name: 'cutpoint_workers_utilization_ratio',
    help: 'Share of their time that workers spent on tails lately, 0 to 1.',
    read: ({ load }) => load.busy,
  },
  {
    name: 'cutpoint_open_tails',
    help: 'Tails that workers hold open; one that two workers hold counts twice.',
    read: ({ openTails }) => openTails.count,
  },
  {
    name: 'cutpoint_open_tails_bytes',
    help: 'What they hold in memory, as estimated, without weights that they share.',
    read: ({ openTails }) => openTails.numBytes,
  },
  {
    name: 'cutpoint_held_payload_bytes',
    help: 'Payload bytes that are held for unanswered inferences.',
    read: ({ heldBytes }) => heldBytes,
  },
  {
    name: 'cutpoint_cpu_utilization_ratio',
    help: 'Of the CPU that this edge may use, by all programs in its machine or container, 0 to 1.',
    read: ({ load }) => load.cpuUtilisation,
  },
  {
    name: 'cutpoint_gpu_utilization_ratio',
    help: 'Of the busiest GPU, 0 to 1; absent where none can be read.',
    read: ({ load }) => load.gpuUtilisation,
  },
  {
    name: 'cutpoint_gpu_memory_utilization_ratio',
    help: 'Of the memory of the GPU that is fullest, 0 to 1; absent where none can be read.',
    read: ({ load }) => load.gpuMemory,
  },
  {
    name: 'cutpoint_event_loop_delay_p99_seconds',
    help: 'Of the timers of the last seconds 99 % were at most so much late.',
    read: ({ load }) => seconds(load.eventLoopDelayMs),
  },
];

/** Gauges that are set when somebody asks, and cost nothing until then. */
export class StateMetrics {
  readonly #gauges: readonly { readonly gauge: Gauge; readonly read: StateGauge['read'] }[];
  readonly #loadFactor: Gauge<'model'>;
  readonly #loadFactorWithQueue: Gauge<'model'>;
  readonly #refusedSockets: Counter;
  readonly #build: Gauge<'version'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#gauges = GAUGES.map(({ name, help, read }) => ({ gauge: new Gauge({ name, help, registers }), read }));
    const factor = (name: string, help: string) => new Gauge({ name, help, labelNames: ['model'], registers });
    this.#loadFactor = factor(
      'cutpoint_load_factor_ratio',
      'k: measured by profiled time of recent tails; 1 on an idle edge.',
    );
    this.#loadFactorWithQueue = factor(
      'cutpoint_load_factor_with_queue_ratio',
      'The same with the wait for a worker in the measured time.',
    );
    this.#refusedSockets = new Counter({
      name: 'cutpoint_http_sockets_refused_total',
      help: 'Sockets that were closed because their client had as many as one may have.',
      registers,
    });
    this.#build = new Gauge({
      name: 'cutpoint_build_info',
      help: 'Always 1; its label says which version runs.',
      labelNames: ['version'],
      registers,
    });
  }

  set(state: EdgeState): void {
    for (const { gauge, read } of this.#gauges) {
      const value = read(state);
      if (value === undefined || value === null) gauge.remove();
      else gauge.set(value);
    }
    const { k, kWithQueue = {} } = state.load;
    setAll(this.#loadFactor, k);
    setAll(this.#loadFactorWithQueue, kWithQueue);
    this.#refusedSockets.reset();
    this.#refusedSockets.inc(state.refusedSockets);
    this.#build.set({ version: state.version }, 1);
  }
}

function setAll(gauge: Gauge<'model'>, byModel: Readonly<Record<string, number>>): void {
  gauge.reset();
  for (const [model, value] of Object.entries(byModel)) gauge.set({ model }, value);
}
