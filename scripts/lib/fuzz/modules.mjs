import { root } from '../run.mjs';

const at = (path) => new URL(path, `file://${root}`).href;

/** Compiled modules that read strangers' bytes; what runs of them guides the fuzzer. */
export const protocolModule = at('packages/protocol/dist/');
export const kserveModule = at('apps/edge/dist/kserve/');
export const decodingModule = at('apps/edge/dist/decoding/');

/** Whether the coverage of a module guides the fuzzer. @param {string} url */
export const isGuiding = (url) =>
  [protocolModule, kserveModule, decodingModule].some((module) => url.startsWith(module));
