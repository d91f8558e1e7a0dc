import { fileURLToPath } from 'node:url';

/** Pictures and networks that are kept beside the project. */
export const DATA = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url));
