export * from './arm.js';
export * from './conditions.js';
export * from './plan.js';
