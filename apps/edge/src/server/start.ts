import type { AddressInfo } from 'node:net';
import { LoadFactors, ServiceLoad } from '@cutpoint/partition';
import { type LoadReport, ProtocolError } from '@cutpoint/protocol';
import type { FastifyInstance } from 'fastify';
import { BatchMemory } from '../batching/batch-memory.js';
import { BatchTrials } from '../batching/batch-trials.js';
import { Batches } from '../batching/batches.js';
import { Clients } from '../connection/clients.js';
import type { ConnectionContext } from '../connection/context.js';
import { ConnectionHub } from '../connection/hub.js';
import { UploadBudget } from '../connection/upload-budget.js';
import { DemoLinks } from '../demo/demo-link.js';
import { DemoLoad } from '../demo/demo-load.js';
import { ThreadDispatcher } from '../dispatcher/thread-dispatcher.js';
import type { Inferences } from '../kserve/inferences.js';
import { Canary, canaryCut } from '../load/canary.js';
import { createCpuReader } from '../load/cpu.js';
import { EventLoopMonitor } from '../load/event-loop.js';
import { GpuMonitor } from '../load/gpu.js';
import { LoadMonitor } from '../load/load-monitor.js';
import { LoadPublisher } from '../load/load-publisher.js';
import { profiledTail } from '../load/profiled-tail.js';
import { EdgeMetrics } from '../metrics/edge-metrics.js';
import { installOpenApi } from '../openapi/install.js';
import { installDemo } from '../routes/demo.js';
import { installDocuments } from '../routes/documents.js';
import { installHealth } from '../routes/health.js';
import { installKserve } from '../routes/kserve.js';
import { installMetrics, METRICS_ROUTE } from '../routes/metrics.js';
import { installPage } from '../routes/page.js';
import { installRepository } from '../routes/repository.js';
import { installStream, installWebSockets } from '../routes/stream.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { TraceThread } from '../traces/trace-thread.js';
import { authenticator } from './access/authenticator.js';
import { ClientSockets } from './access/client-sockets.js';
import { installGate } from './access/gate.js';
import { Strangers } from './access/strangers.js';
import { createApp } from './app.js';
import { installBrowserRules } from './browser-rules.js';
import { ServedModels } from './catalog.js';
import { installRefusal, OpenRequests, within } from './drain.js';
import { installErrorHandlers } from './http-errors.js';
import { DEFAULT_SERVER_OPTIONS, type ServerOptions, usableWorkers } from './options.js';
import { OriginPolicy } from './origin.js';
import { edgeVersion } from './version.js';
import { WarmUp } from './warm-up.js';

export interface RunningServer {
  /** As a browser on this machine would write it. */
  readonly url: string;
  readonly port: number;
  readonly dispatcher: ThreadDispatcher;
  readonly log: FastifyInstance['log'];
  load(): LoadReport;
  /** Resolves when the tails that requests begin with are open. */
  warmedUp(): Promise<void>;
  /** Takes nothing new, finishes what runs within the drain time, says goodbye and closes. */
  stop(): Promise<void>;
}

/** The last spans have so long at least, also when the drain time is used up, */
const LEAST_SEND_MS = 1_000;
/** and no longer than this: a collector that takes them does so at once. */
const MOST_SEND_MS = 2_000;

/**
 * Starts the edge. It answers at once; models are served as they become ready.
 * @throws the system's error when the address cannot be listened on, with its `code` (`EADDRINUSE`, `EACCES`, …).
 */
export async function startServer(
  given: Pick<ServerOptions, 'catalog'> & Partial<ServerOptions>,
): Promise<RunningServer> {
  const asked: ServerOptions = { ...DEFAULT_SERVER_OPTIONS, ...given };
  const options: ServerOptions = { ...asked, workers: usableWorkers(asked) };
  const clock = () => performance.now();
  let isStopping = false;

  const version = await edgeVersion();
  const hasTokens = options.tokens.length > 0 || options.jwt !== undefined;
  const origins = new OriginPolicy({ ...options, hasTokens });
  const app = createApp(options, origins);
  const requests = new OpenRequests(app.server);
  const strangers = new Strangers({ maxPerAddress: options.maxConnections, trustProxy: options.trustProxy });
  strangers.watch(app.server);
  const sockets = new ClientSockets(options.maxSocketsPerClient);
  const { log } = app;
  if (options.workers < asked.workers) {
    log.warn(`${asked.workers} workers were asked for; with the execution provider webgpu there can be only one`);
  }

  const factors = new LoadFactors();
  const service = new ServiceLoad(options.workers);
  const dispatcher = new ThreadDispatcher({
    ...options,
    onFallback: ({ provider, reason }) =>
      log.warn(
        { provider, reason },
        `the execution provider ${provider} failed; what it cannot run runs on the next one`,
      ),
    onWorkerError: (error) => log.error({ err: error }, 'a worker failed and was replaced'),
  });
  const scheduler = new Scheduler({
    workers: options.workers,
    maxQueue: options.maxQueue,
    defaultDeadlineMs: options.defaultDeadlineMs,
    batchWaitMs: options.batchWaitMs,
    clock,
    loadFactor: (model) => factors.k(model, clock()),
    onChange: () => publisher.touch(),
    onDefect: (error) => log.error({ err: error }, 'what was run could not be answered'),
  });
  const batches = new Batches({
    maxBatchSize: options.maxBatchSize,
    memory: new BatchMemory(options),
    onFound: (model, slowdowns) => log.info({ model, slowdowns }, 'found out whether requests of a tail share runs'),
    onProblem: (model, problem) => log.warn({ err: problem, model }, 'requests of a tail are not run at once'),
  });
  const warmUp = new WarmUp(dispatcher, (error) =>
    log.warn({ err: error }, 'a tail could not be opened ahead of time'),
  );
  const models: ServedModels = new ServedModels(options.catalog, {
    drainMs: options.modelDrainMs,
    onReady: (served) => warmUp.add(served),
    onReplaced: ({ name }) =>
      log.info({ model: name }, 'a new version is served; who has the one before may finish with it'),
    onFree: ({ name, graphFiles }) => {
      for (const graphFile of graphFiles) {
        if (models.isServed(graphFile)) continue;
        factors.forget(graphFile);
        batches.forget(graphFile);
      }
      dispatcher
        .keepOnly((graphFile) => models.isServed(graphFile))
        .then(() => log.info({ model: name }, 'a version that is served no more was let go'))
        .catch((error: unknown) => log.warn({ err: error, model: name }, 'the tails of a version could not be let go'));
    },
  });
  options.catalog.beforeReplacing((next) => models.opening(next, (coming) => warmUp.open(coming)));
  const gpu = new GpuMonitor({ clock });
  const eventLoop = new EventLoopMonitor();
  const monitor = new LoadMonitor({
    scheduler,
    workers: options.workers,
    factors,
    service,
    models: () => models.readyNames(),
    readCpu: await createCpuReader(clock),
    gpu,
    eventLoop,
    clients: () => hub.size,
    clock,
    onSample: () => publisher.touch(),
  });
  const load = () => monitor.report();
  const uploads = new UploadBudget(options.maxUploadBytes, options.maxRequestBytes);
  const metrics = new EdgeMetrics(() => ({
    version,
    load: load(),
    busyWorkers: scheduler.busyWorkers,
    openTails: dispatcher.openTails,
    heldBytes: uploads.heldBytes,
    httpSockets: sockets.size,
    refusedSockets: sockets.refused,
  }));
  const traces = options.traces && new TraceThread({ ...options.traces, version, clock, log });
  const serving: ConnectionContext = {
    models,
    scheduler,
    dispatcher,
    batches,
    uploads,
    clients: new Clients({ ...options, clock, onForgotten: (client) => scheduler.forgetClient(client) }),
    limits: options,
    clock,
    load,
    recentLoad: () => monitor.recent(),
    idleTailMs: (served) => factors.idleMs(profiledTail(served)),
    onTail: (model, served, measured) => {
      const nowMs = clock();
      factors.observe(model, profiledTail(served), measured, nowMs);
      service.observe(measured.serviceMs, nowMs);
    },
    onRun: (model, size) => metrics.ran(model, size),
    onTailError: (model, error) => log.error({ err: error, model }, 'a tail failed'),
    onSettled: (settled) => {
      metrics.settled(settled);
      traces?.settled(settled);
    },
    onWritten: (model, tookMs) => metrics.written(model, tookMs),
    onDefect: (error) =>
      log.error({ err: error }, 'a message or an answer could not be handled; its connection was closed'),
    isStopping: () => isStopping,
  };
  const demo = options.demo ? { load: new DemoLoad(serving), links: new DemoLinks() } : undefined;
  const hub = new ConnectionHub(serving, options.heartbeatMs, demo?.links);
  const publisher = new LoadPublisher(load, (report) => hub.publish(report), clock);

  const canary = new Canary({
    scheduler,
    dispatcher,
    factors,
    clock,
    wanted: () => hub.wantedModels(),
    tailOf: (model) => {
      const served = models.current(model);
      const found = served && canaryCut(served.prepared.tables);
      return found && served.cut(found.table, found.cut);
    },
    onError: (model, error) => log.warn({ err: error, model }, 'no canary for this model: its tail failed'),
  });

  const trials = new BatchTrials({ batches, scheduler, dispatcher, clock, idleTailMs: serving.idleTailMs });

  const stopDemo = () => {
    demo?.load.close();
    demo?.links.close();
  };
  const release = async (leftMs: number) => {
    canary.stop();
    trials.stop();
    stopDemo();
    publisher.stop();
    monitor.stop();
    warmUp.stop();
    models.close();
    await hub.close();
    await app.close();
    gpu.close();
    eventLoop.close();
    await Promise.all([dispatcher.close(), traces?.close(Math.min(Math.max(leftMs, LEAST_SEND_MS), MOST_SEND_MS))]);
  };

  let inferences: Inferences;
  try {
    await installWebSockets(app);
    installErrorHandlers(app);
    installBrowserRules(app, origins);
    installRefusal(app, () => isStopping);
    await installGate(app, {
      sockets,
      authenticate: authenticator(options),
      strangers,
      maxRequestsPerS: options.maxRequestsPerS,
      openRoutes: options.metrics === 'everybody' ? [METRICS_ROUTE] : [],
    });
    await installOpenApi(app, version);
    installMetrics(app, metrics, options.metrics);
    installStream(app, hub, options);
    await installPage(app, options.pageDir);
    installDocuments(app, { models, load, demo: options.demo });
    if (demo) installDemo(app, { models, ...demo });
    installHealth(
      app,
      options.catalog,
      () => isStopping,
      () => warmUp.isSettled,
    );
    inferences = await installKserve(app, serving, version);
    await installRepository(app, options);
    await monitor.start();
    await app.listen({ port: options.port, host: options.host });
    if (options.canary) canary.start();
    trials.start();
  } catch (error) {
    await release(0);
    throw error;
  }

  const { port } = addressOf(app);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    isStopping = true;
    const drainedAtMs = clock() + options.drainMs;
    canary.stop();
    trials.stop();
    stopDemo();
    const goingAway = new ProtocolError('shutting_down', 'this edge is stopping; finish locally, connect again later');
    scheduler.rejectQueued(goingAway);
    hub.refuseWaiting(goingAway);
    inferences.refuseWaiting(goingAway);
    const answered = scheduler.idle().then(() => hub.flushed());
    await within(options.drainMs, Promise.all([answered, requests.none()]));
    await release(drainedAtMs - clock());
  };
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${urlHost(options.host)}:${port}`,
    port,
    dispatcher,
    log,
    load,
    warmedUp: () => warmUp.settled(),
    stop: async () => {
      stopped ??= stop();
      await stopped;
    },
  };
}

function addressOf(app: FastifyInstance): AddressInfo {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the edge listens on no TCP port');
  return address;
}

/** A name that a browser on this machine can open for an address that was listened on. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
