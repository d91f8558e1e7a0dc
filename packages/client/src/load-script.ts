import { CutpointError, messageOf } from './errors.js';

/**
 * A part of the client that a first result does not wait for.
 * @throws CutpointError `runtime_unavailable`
 */
export async function loadScript<T>(coming: Promise<T>): Promise<T> {
  try {
    return await coming;
  } catch (cause) {
    const message = `A script of @cutpoint/client could not be loaded: ${messageOf(cause)}`;
    throw new CutpointError('runtime_unavailable', message, { cause });
  }
}
