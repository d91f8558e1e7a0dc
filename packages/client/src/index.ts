/**
 * One neural network on two machines: the first layers in the page, the rest at an edge. Begin with {@link connect}.
 *
 * @module client
 */

export type {
  Arm,
  Candidate,
  Codec,
  Conditions,
  Decided,
  DecisionInput,
  Estimate,
  Objective,
  Plan,
  PolicyName,
  RecordedDecision,
  RecordedTrace,
  Recording,
  RecordingLimits,
  Rejection,
  ReplayedDecision,
  Terms,
} from '@cutpoint/partition';
export { explainPlan, readRecording, replayRecording } from '@cutpoint/partition';
export type {
  Arrivals,
  Cut,
  CutTable,
  EdgeTimings,
  LoadReport,
  Manifest,
  ModelList,
  ModelStatus,
  Task,
  Variant,
} from '@cutpoint/protocol';
export { parseCutTable, parseModelList } from '@cutpoint/protocol';
/** The codecs on the GPU by themselves, for tests and benches: heads use them unasked. */
export { EncodePipelines } from './codec/gpu/encode-pipelines.js';
export { GpuEncoder } from './codec/gpu/gpu-encoder.js';
export type { GpuTensor } from './codec/gpu/read-back-plan.js';
export { connect } from './connect.js';
export { type Classified, decodeClassification, decodeText, type HasOutputs, type ReadText } from './decode.js';
export { DEFAULT_CONNECT_OPTIONS } from './defaults.js';
export { CutpointError, type ErrorCode } from './errors.js';
export { Recorder } from './recorder.js';
export * from './session.js';
export { DEFAULT_STREAM_OPTIONS, type FrameSource, type StreamOptions, type StreamResult } from './stream.js';
