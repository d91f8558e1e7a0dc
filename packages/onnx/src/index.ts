export * from './analyse.js';
export { withBarriers } from './barrier.js';
export { batchedTail } from './batched.js';
export { type CutDescription, type CutList, describeCut, listCuts } from './cuts.js';
export { dynamicInputs, fixDims, type InputDims } from './dims.js';
export { bytesPerElement, countElements, dataTypeOf, type ElementType, isElementType } from './element-type.js';
export * from './errors.js';
export { extract, type Parts } from './extract.js';
export { withActivations } from './fused-activations.js';
export * from './model.js';
export {
  type BenchmarkNetwork,
  type BenchmarkNetworkName,
  type BuildNetworkOptions,
  benchmarkNetworks,
  isBenchmarkNetworkName,
  type NetworkApart,
} from './networks/benchmark-networks.js';
export { countParameters } from './networks/count-parameters.js';
export { operatorKinds } from './operator-kind.js';
export * from './optimize.js';
export * from './packs.js';
export { pictureView, type RgbPicture } from './picture-view.js';
export * from './pixels.js';
export { PrefixSet } from './prefix-set.js';
export { fromHalf, randomTensor, seededRandom, toHalf } from './random.js';
export * from './runtime.js';
export { type TensorFlow, tensorFlow } from './tensor-flow.js';
