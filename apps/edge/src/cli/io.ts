/** What was asked for was not done, and asking in the same way again may help. */
export const EXIT_FAILED = 1;
/** What was typed, or what it names, is wrong: asking in the same way again cannot help. */
export const EXIT_WRONG_INPUT = 2;

/** What a command may do with the terminal, injected so that tests can read it. */
export interface CommandIo {
  /** One line of result, to standard output. */
  readonly out: (line: string) => void;
  /** One line for people, to standard error. */
  readonly err: (line: string) => void;
  /** Replaces the current line on an interactive terminal; absent elsewhere. An empty text clears it. */
  readonly status?: (text: string) => void;
  readonly signal?: AbortSignal;
  /** Calls back whenever somebody asks for everything to be read again; returns its unsubscribe. Absent where nobody can. */
  readonly onReload?: (reload: () => void) => () => void;
}

export function processIo(signal?: AbortSignal): CommandIo {
  const { stdout, stderr } = process;
  const clear = stderr.isTTY ? '\r\u001b[2K' : '';
  return {
    out: (line) => stdout.write(`${line}\n`),
    err: (line) => stderr.write(`${clear}${line}\n`),
    ...(stderr.isTTY ? { status: (text: string) => stderr.write(`${clear}${text.slice(0, stderr.columns - 1)}`) } : {}),
    ...(signal === undefined ? {} : { signal }),
    // On a terminal it says that the terminal was closed.
    ...(stderr.isTTY ? {} : { onReload: onHangUp }),
  };
}

function onHangUp(reload: () => void): () => void {
  process.on('SIGHUP', reload);
  return () => process.removeListener('SIGHUP', reload);
}
