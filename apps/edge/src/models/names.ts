import { ModelError } from './error.js';

/** A model name becomes a folder, a part of an address and a label of metrics, so it is kept plain. */
const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

export function checkModelName(name: string): string {
  if (!MODEL_NAME.test(name) || name.includes('..')) {
    throw new ModelError(
      'bad_name',
      `${JSON.stringify(name)} is not a model name: use 1 to 64 letters, digits, ".", "_" and "-", a letter or digit first`,
    );
  }
  return name;
}
