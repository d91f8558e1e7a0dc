export * from './assembler.js';
export * from './chunk.js';
export * from './errors.js';
export * from './manifest.js';
export * from './messages.js';
export * from './models.js';
export * from './parse.js';
export * from './tensor.js';
