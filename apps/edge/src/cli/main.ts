import { setTimeout as delay } from 'node:timers/promises';
import { edgeVersion } from '../server/version.js';
import { type CommandIo, EXIT_WRONG_INPUT, processIo } from './io.js';

/** One subcommand: takes the arguments behind its name, gives the exit code. */
type Run = (argv: readonly string[], io: CommandIo) => Promise<number>;

/** Loaded when asked for: most commands load onnxruntime, `--help` need not. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Run> }>> = {
  serve: { summary: 'serve the models and the demo page', load: async () => (await import('./serve.js')).run },
  add: { summary: 'put a model of your own into the repository', load: async () => (await import('./add.js')).run },
  inspect: { summary: 'list the cuts of a model', load: async () => (await import('./inspect.js')).run },
  split: { summary: 'write the head and the tail of one cut', load: async () => (await import('./split.js')).run },
  verify: {
    summary: 'check that every cut of an ONNX file gives the same outputs',
    load: async () => (await import('./verify.js')).run,
  },
};

const SERVE = 'serve';

const USAGE = `cutpoint <command> [options]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  .join('\n')}

  --help      this text; \`cutpoint <command> --help\` for one command
  --version`;

/** The command line. @returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version') {
    console.log(await edgeVersion());
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(USAGE);
    return name === undefined ? EXIT_WRONG_INPUT : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.error(`cutpoint: there is no command ${JSON.stringify(name)} (bad_arguments)\n\n${USAGE}`);
    return EXIT_WRONG_INPUT;
  }
  const isServing = name === SERVE;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      // `cutpoint inspect … | head` reads no further; that is no failure of the command. An edge serves on, whoever reads its words.
      if (!isServing) process.exit(0);
    });
  }
  const run = await command.load();
  const interruption = new AbortController();
  // The first interruption lets a command clean up; the second is the system's own and ends it at once.
  process.once('SIGINT', () => interruption.abort());
  process.once('SIGTERM', () => interruption.abort());
  const code = await run(rest, processIo(interruption.signal));
  if (isServing) await endUnread(code);
  return code;
}

/** What nobody reads of an edge's words would keep its process for ever. */
async function endUnread(code: number): Promise<void> {
  const untilMs = performance.now() + UNREAD_MS;
  while (process.stdout.writableLength + process.stderr.writableLength > 0) {
    if (performance.now() > untilMs) process.exit(code);
    await delay(UNREAD_LOOK_MS);
  }
}

const UNREAD_MS = 1_000;
const UNREAD_LOOK_MS = 20;
