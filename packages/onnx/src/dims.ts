import type { TensorShapeProto, ValueInfoProto } from 'onnx-buf';
import { OnnxError } from './errors.js';
import { graphOf } from './graph-index.js';
import type { Model } from './model.js';
import { shapeOf, withFields } from './proto.js';

/** Dimensions by input name: `{x: [1, 3, 160, 160]}`. */
export type InputDims = Readonly<Record<string, readonly number[]>>;

/**
 * The model with the dimensions of some inputs fixed; a symbolic dimension that gets a number gets it everywhere.
 *
 * @throws OnnxError `unknown_name`, `dims_mismatch`
 */
export function fixDims(model: Model, dims: InputDims): Model {
  const graph = graphOf(model);
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const inputs = new Map(graph.input.filter(({ name }) => !constants.has(name)).map((input) => [input.name, input]));
  const symbols = new Map<string, number>();
  for (const [name, given] of Object.entries(dims)) {
    const input = inputs.get(name);
    if (!input) throw unknownInput(name, [...inputs.keys()]);
    bindSymbols(input, given, symbols);
  }
  return withFields(model, {
    graph: withFields(graph, {
      input: graph.input.map((input) => withShape(input, inputDims(input, dims, symbols))),
      output: graph.output.map((output) => withShape(output, known(dimsOf(output), symbols))),
      valueInfo: [],
    }),
  });
}

/** Inputs that still have a dimension without a number, written as `x[?,3,height,?]`. */
export function dynamicInputs(model: Model): readonly string[] {
  const graph = graphOf(model);
  const constants = new Set(graph.initializer.map(({ name }) => name));
  return graph.input
    .filter((input) => !constants.has(input.name) && isTensor(input))
    .filter((input) => dimsOf(input)?.every((dim) => typeof dim === 'number') !== true)
    .map((input) => `${input.name}[${dimsOf(input)?.join(',') ?? '…'}]`);
}

type Dim = number | string;

function isTensor(value: ValueInfoProto): boolean {
  return value.type?.value.case === 'tensorType';
}

function shapeProto(value: ValueInfoProto): TensorShapeProto | undefined {
  return value.type?.value.case === 'tensorType' ? value.type.value.value.shape : undefined;
}

/** A number, the symbol's name, or `?`; `undefined` when not even the rank is declared. */
export function dimsOf(value: ValueInfoProto): readonly Dim[] | undefined {
  return shapeProto(value)?.dim.map(({ value }) => {
    // Exporters write -1 and 0 for what they do not know.
    if (value.case === 'dimValue') return value.value > 0n ? Number(value.value) : '?';
    return value.case === 'dimParam' && value.value !== '' ? value.value : '?';
  });
}

function unknownInput(name: string, inputs: readonly string[]): OnnxError {
  return new OnnxError('unknown_name', `The model has no input "${name}". Its inputs are: ${inputs.join(', ')}.`);
}

function bindSymbols(input: ValueInfoProto, given: readonly number[], symbols: Map<string, number>): void {
  const mismatch = (why: string): OnnxError =>
    new OnnxError('dims_mismatch', `Input "${input.name}" cannot be [${given.join(', ')}]: ${why}.`);
  if (!isTensor(input)) throw mismatch('it is not a tensor');
  if (!given.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
    throw mismatch('dimensions are whole numbers from 0');
  const declared = dimsOf(input);
  if (!declared) return;
  if (declared.length !== given.length)
    throw mismatch(`it has ${declared.length} dimensions, [${declared.join(', ')}]`);
  for (const [i, dim] of declared.entries()) {
    const number = given[i] ?? 0;
    if (typeof dim === 'number' && dim !== number) throw mismatch(`dimension ${i} is ${dim} in the model`);
    if (typeof dim !== 'string' || dim === '?') continue;
    const bound = symbols.get(dim);
    if (bound !== undefined && bound !== number) throw mismatch(`"${dim}" is already ${bound}`);
    symbols.set(dim, number);
  }
}

function inputDims(
  input: ValueInfoProto,
  dims: InputDims,
  symbols: ReadonlyMap<string, number>,
): readonly (number | null)[] | undefined {
  return Object.hasOwn(dims, input.name) ? dims[input.name] : known(dimsOf(input), symbols);
}

function known(
  dims: readonly Dim[] | undefined,
  symbols: ReadonlyMap<string, number>,
): readonly (number | null)[] | undefined {
  return dims?.map((dim) => (typeof dim === 'number' ? dim : (symbols.get(dim) ?? null)));
}

function withShape(value: ValueInfoProto, dims: readonly (number | null)[] | undefined): ValueInfoProto {
  const { type } = value;
  if (!dims || type?.value.case !== 'tensorType') return value;
  // What stays unknown keeps its symbol, so that a later call can bind it.
  const before = type.value.value.shape;
  const shape = shapeOf(dims);
  shape.dim = shape.dim.map((dim, i) => (dims[i] === null ? (before?.dim[i] ?? dim) : dim));
  return withFields(value, {
    type: withFields(type, { value: { case: 'tensorType', value: withFields(type.value.value, { shape }) } }),
  });
}
