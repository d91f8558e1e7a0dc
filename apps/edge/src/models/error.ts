/** Why a model cannot be found, fetched, added or prepared. `code` is stable; the message says what to do. */
export type ModelErrorCode =
  | 'bad_name'
  | 'bad_config'
  | 'bad_arguments'
  | 'unknown_model'
  | 'model_exists'
  | 'source_missing'
  | 'source_not_fetched'
  | 'source_unreadable'
  | 'npm_failed'
  | 'download_failed'
  | 'download_stalled'
  | 'download_too_large'
  | 'wrong_hash'
  | 'not_pinned'
  | 'labels_mismatch'
  | 'not_a_model'
  | 'cannot_split'
  | 'prepare_failed'
  | 'prepare_crashed'
  | 'store_full'
  | 'store_failed'
  | 'aborted';

export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** A full disk is worth saying in its own words; everything else that the file system refuses keeps its reason. */
  static fromStore(error: unknown, path: string): ModelError {
    if (error instanceof ModelError) return error;
    const code = errnoOf(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      return new ModelError(
        'store_full',
        `no space left on the disk that holds ${path}: free some, or choose another store folder`,
        { cause: error },
      );
    }
    return new ModelError('store_failed', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** `ENOENT` and its kind, when an error has one. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says only "fetch failed"; the reason is underneath.
  return error.cause instanceof Error && error.cause.message !== '' && !error.message.includes(error.cause.message)
    ? `${error.message}: ${error.cause.message}`
    : error.message;
}
