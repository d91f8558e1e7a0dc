import { createWriteStream, fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** With this much unread, lines are dropped: whoever collects the log and stopped reading may not have the edge's memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** As pino counts levels. */
const WARN = 40;

/** Where the log goes. It never waits: what is not read, or not written by a slow disk, is kept up to a limit, and then lost. */
export class LogStream {
  /** There is one standard error for all edges of a process. */
  static #standardError: LogStream | undefined;
  readonly #stream: Writable;
  #lost = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Whoever read the log is gone: the edge goes on without it.
    stream.on('error', () => undefined);
  }

  /** To standard error, beside the command line's own words, which go to standard output. */
  static toStandardError(): LogStream {
    const { fd } = process.stderr;
    // Node writes to files while the caller waits, and to pipes and sockets when they take more; terminals take it at once.
    LogStream.#standardError ??= new LogStream(
      fstatSync(fd).isFile() ? createWriteStream('', { fd, autoClose: false }) : process.stderr,
    );
    return LogStream.#standardError;
  }

  write(line: string): void {
    if (this.#stream.writableLength > MAX_UNREAD_BYTES) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) {
      const msg = `${this.#lost} lines of the log are lost: they came faster than they were read`;
      this.#stream.write(`${JSON.stringify({ level: WARN, time: Date.now(), pid: process.pid, msg })}\n`);
      this.#lost = 0;
    }
    this.#stream.write(line);
  }
}
