import type { TensorInfo } from '@cutpoint/protocol';
import type { Contract } from './contract.js';
import { DATATYPES } from './datatypes.js';
import type { Target } from './target.js';

/** The extensions that this edge serves, by the names that clients look for. */
export const EXTENSIONS = ['binary_tensor_data', 'model_repository'];

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1 where the forms of the model differ. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** Describes what can be asked for. A model whose sizes are listed has several forms, which only differ in dimensions. */
export function modelMetadata({ name, version, forms }: Target): ModelMetadata {
  const [first] = forms;
  const alike = forms.filter((form) => signature(form) === signature(first));
  return {
    name,
    versions: [version],
    platform: 'onnxruntime_onnx',
    inputs: merge(
      first.inputs,
      alike.map(({ inputs }) => inputs),
    ),
    outputs: merge(
      first.outputs,
      alike.map(({ outputs }) => outputs),
    ),
  };
}

function signature({ inputs, outputs }: Contract): string {
  return JSON.stringify([inputs, outputs].map((list) => list.map(({ name, type, dims }) => [name, type, dims.length])));
}

function merge(first: readonly TensorInfo[], all: readonly (readonly TensorInfo[])[]): TensorMetadata[] {
  return first.map(({ name, type, dims }, index) => ({
    name,
    datatype: DATATYPES[type],
    shape: dims.map((dim, axis) => (all.every((list) => list[index]?.dims[axis] === dim) ? dim : -1)),
  }));
}
