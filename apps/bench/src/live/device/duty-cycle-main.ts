/** Arguments: how many times slower, and the processes. Stops them for most of every period, until it is told to end. */
const RUN_MS = 10;

const [factor = 1, ...pids] = process.argv.slice(2).map(Number);
const sleeper = new Int32Array(new SharedArrayBuffer(4));

function signal(name: 'SIGSTOP' | 'SIGCONT'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended.
    }
  }
}

function end(): void {
  signal('SIGCONT');
  process.exit();
}

function turn(): void {
  signal('SIGSTOP');
  Atomics.wait(sleeper, 0, 0, RUN_MS * (factor - 1));
  signal('SIGCONT');
  // Signals and the parent's end are seen meanwhile.
  setTimeout(turn, RUN_MS);
}

process.on('SIGTERM', end);
process.on('disconnect', end);
turn();
