export * from './manifest.js';
export * from './messages.js';
