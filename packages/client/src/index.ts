export * from './session.js';
export type { Arm, Candidate, Conditions, Estimate, Plan, Rejection, Terms } from '@cutpoint/partition';
export type { Cut, CutTable, LoadReport, Manifest, ModelList, ModelStatus, Task, Variant } from '@cutpoint/protocol';
