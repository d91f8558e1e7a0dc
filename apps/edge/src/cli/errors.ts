import { OnnxError } from '@cutpoint/onnx';
import { errnoOf, ModelError, type ModelErrorCode, messageOf } from '../models/error.js';
import { type CommandIo, EXIT_FAILED, EXIT_WRONG_INPUT } from './io.js';

/** What is no fault of the arguments, or of the files that they name. */
const RUNTIME_CODES: ReadonlySet<string> = new Set<ModelErrorCode>([
  'npm_failed',
  'download_failed',
  'download_stalled',
  'prepare_crashed',
  'store_full',
  'store_failed',
  'aborted',
]);

/**
 * Says `cutpoint <command>: message (code)` and, after wrong arguments, how the command is used.
 * @returns the exit code of the command.
 */
export function reportError(command: string, error: unknown, io: CommandIo, usage: string): number {
  const { code, message } = coded(error);
  io.status?.('');
  io.err(`cutpoint ${command}: ${message} (${code})`);
  if (code === 'bad_arguments') io.err(`\n${usage}`);
  return isWrongInput(error) ? EXIT_WRONG_INPUT : EXIT_FAILED;
}

/** What `parse` finds, or `bad_arguments` with its reason. For `parseArgs`, whose own errors have no code of ours. */
export function parsedOrRefused<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new ModelError('bad_arguments', messageOf(cause), { cause });
  }
}

/** The code and the sentence of any error. */
export function coded(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof ModelError || error instanceof OnnxError) return { code: error.code, message: error.message };
  if (error instanceof Error && error.name === 'AbortError') return { code: 'aborted', message: 'interrupted' };
  return { code: errnoOf(error) ?? 'internal', message: messageOf(error) };
}

function isWrongInput(error: unknown): boolean {
  return (error instanceof ModelError || error instanceof OnnxError) && !RUNTIME_CODES.has(error.code);
}
