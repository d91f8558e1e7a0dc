import { once } from 'node:events';
import { redacted, summary } from '../config/load.js';
import { availableCpus } from '../load/cpu.js';
import type { ModelChange, ModelStatus } from '../models/entry.js';
import { errnoOf, messageOf } from '../models/error.js';
import { ModelRepository } from '../models/repository.js';
import { PrepareHost } from '../prepare/host.js';
import { StoreKeeper, type StoreKeeperOptions } from '../prepare/store-keeper.js';
import { type RunningServer, startServer } from '../server/start.js';
import { reportError } from './errors.js';
import type { CommandIo } from './io.js';
import { parseServeOptions, SERVE_USAGE, type ServeOptions } from './serve-options.js';

/** More workers than this would each keep their own sessions for little gain; `--workers` asks for more. */
const MAX_DEFAULT_WORKERS = 8;

/** The `serve` command: runs until it is interrupted. @returns the exit code. */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const options = parseServeOptions(argv, process.env);
    if (options === 'help') io.out(SERVE_USAGE);
    else await serve(options, io);
    return 0;
  } catch (error) {
    return reportError('serve', error, io, SERVE_USAGE);
  }
}

async function serve(options: ServeOptions, io: CommandIo): Promise<void> {
  await using host = new PrepareHost();
  const { modelsDir: dir, storeDir } = options;
  const repository = new ModelRepository({ dir, storeDir, prepare: host.prepare, locate: host.locate });
  const found = await repository.scan();
  const { workers = await defaultWorkers(), settings, ...rest } = options;
  io.err(summary(settings));
  // A person at a terminal reads sentences; whoever collects the output reads the structured log.
  const logLevel = options.logLevel ?? (io.status ? 'warn' : 'info');
  let server: RunningServer;
  try {
    server = await startServer({ ...rest, workers, logLevel, catalog: repository });
  } catch (error) {
    throw cannotListen(error, options);
  }
  server.log.info({ settings: { ...redacted(settings), workers, logLevel } }, 'settings');
  io.out(`Cutpoint serves at ${server.url} (Ctrl-C stops it)`);
  if (found.length === 0) io.err(`There is no model in ${repository.dir}; \`cutpoint add\` puts one there.`);
  tellProgress(repository, server, io);

  const stop = new AbortController();
  const preparing = repository.prepareAll(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) server.log.error({ err: error }, 'preparing models failed');
  });
  const keeper = keepStore(repository, server, { keepMs: options.storeKeepMs, clear: host.clear });
  const unsubscribe = io.onReload?.(() => {
    io.out('Reading the models again');
    repository.refresh().then(
      () => io.out('The models are read again'),
      (error: unknown) => {
        server.log.error({ err: error }, 'the models could not be read again');
        io.err(messageOf(error));
      },
    );
  });
  await interrupted(io.signal);
  unsubscribe?.();
  keeper.stop();
  io.out('Stopping: finishing what runs. Once more to stop at once.');
  stop.abort();
  await Promise.all([server.stop(), preparing, repository.stop()]);
}

function keepStore(
  repository: ModelRepository,
  { log }: RunningServer,
  options: Pick<StoreKeeperOptions, 'keepMs' | 'clear'>,
): StoreKeeper {
  const keeper = new StoreKeeper({
    storeDir: repository.storeDir,
    ...options,
    models: () => repository.list(),
    onCleared: (cleared) => log.info(cleared, 'what no edge used any more was removed from the store'),
    onError: (error) => log.warn({ err: error }, 'the store could not be cleared'),
  });
  keeper.start();
  return keeper;
}

async function interrupted(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined || signal.aborted) return;
  await once(signal, 'abort');
}

/** One CPU is for the sockets, and on a small machine for the browser. */
async function defaultWorkers(): Promise<number> {
  return Math.max(1, Math.min(MAX_DEFAULT_WORKERS, Math.floor(await availableCpus()) - 1));
}

/** Says on the terminal when a model changes its state, and in the end that all is ready. */
function tellProgress(repository: ModelRepository, server: RunningServer, io: CommandIo): void {
  const told = new Map<string, string>();
  const say = (entry: ModelChange) => {
    const { name, status } = entry;
    if (status === 'removed') {
      told.delete(name);
      io.err(`${name} is removed`);
      server.log.info({ model: name, status }, 'model settled');
      return;
    }
    const { reason, code, progress, prepared } = entry;
    if (progress !== undefined) io.status?.(`${name}: ${progress.stage} ${progress.done}/${progress.total}`);
    // Another version is news, and so is why there is none.
    const news = [status, code, prepared?.manifest.variants.map(({ table }) => table)].join(' ');
    if (progress !== undefined || told.get(name) === news) return;
    told.set(name, news);
    if (status === 'preparing' || status === 'on-demand') return;
    io.status?.('');
    io.err(sentence(name, status, reason));
    for (const note of prepared?.notes ?? []) io.err(`  ${note}`);
    if (code === undefined) server.log.info({ model: name, status }, 'model settled');
    else server.log.warn({ model: name, status, code, reason }, 'model settled');
    if (entry.onDemand !== true) sayWhenSettled();
  };
  const sayWhenSettled = () => {
    const models = repository.list();
    if (models.some((model) => model.status === 'preparing' && model.onDemand !== true)) return;
    const canServe = models.some((model) => model.status === 'ready' || model.status === 'on-demand');
    if (!canServe) return io.out('No model can be served.');
    // As /readyz has it: the first tails are open.
    void server.warmedUp().then(() => io.out(`Ready: open ${server.url}`));
  };
  repository.subscribe(say);
  const found = repository.list();
  // Nothing of these will settle by itself.
  if (found.length > 0 && found.every((model) => model.onDemand === true)) sayWhenSettled();
}

function sentence(name: string, status: ModelStatus, reason: string | undefined): string {
  if (status !== 'ready') return `${name} is ${status}: ${reason ?? 'no reason known'}`;
  return reason === undefined ? `${name} is ready` : `${name} is ready, but ${reason}`;
}

/** The same error, in words that say what to do. */
function cannotListen(error: unknown, { host, port }: ServeOptions): unknown {
  const code = errnoOf(error);
  const words = code === undefined ? undefined : LISTEN_ERRORS[code]?.(host, port);
  return words === undefined ? error : Object.assign(new Error(words), { code });
}

const LISTEN_ERRORS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `port ${port} of ${host} is in use; stop what uses it, or choose another with --port`,
  EACCES: (host, port) => `port ${port} of ${host} may not be used by this user; choose one above 1023 with --port`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine; choose another with --host`,
  ENOTFOUND: (host) => `${host} is no address of this machine; choose another with --host`,
};
