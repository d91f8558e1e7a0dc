import { ProtocolError, type TensorInfo } from '@cutpoint/protocol';
import { DATATYPES } from './datatypes.js';

/** What goes into one tail and what comes out of it. */
export interface Contract {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** An input as a request describes it. */
export interface DescribedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/**
 * The first contract whose inputs are exactly these, in whatever order.
 * @returns its index
 * @throws ProtocolError `bad_tensors` when there is none
 */
export function matchContract(given: readonly DescribedTensor[], contracts: readonly Contract[]): number {
  const byName = new Map(given.map((tensor) => [tensor.name, tensor]));
  if (byName.size < given.length) {
    const twice = given.find((tensor) => byName.get(tensor.name) !== tensor);
    throw new ProtocolError('bad_tensors', `the input ${quoted(twice?.name ?? '')} is there twice`);
  }
  const found = contracts.findIndex(({ inputs }) => mismatch(byName, inputs) === undefined);
  if (found >= 0) return found;
  const [first, ...others] = contracts;
  const wrong = first === undefined ? 'nothing is served here' : mismatch(byName, first.inputs);
  const also = others.slice(0, MAX_SHOWN).map(({ inputs }) => `; or it takes ${inputs.map(described).join(', ')}`);
  throw new ProtocolError('bad_tensors', `${wrong}${also.join('')}`);
}

/** Other forms of a model that a refusal tells of. */
const MAX_SHOWN = 8;

/** What is wrong with the inputs, by a contract's. */
function mismatch(given: ReadonlyMap<string, DescribedTensor>, inputs: readonly TensorInfo[]): string | undefined {
  for (const want of inputs) {
    const got = given.get(want.name);
    if (got === undefined) return `the input ${described(want)} is missing`;
    if (got.datatype !== DATATYPES[want.type] || !sameShape(got.shape, want.dims)) {
      const is = `${got.datatype.slice(0, 20)} [${got.shape.slice(0, 10).join(', ')}]`;
      return `the input ${quoted(want.name)} is ${is}; it must be ${shaped(want)}`;
    }
  }
  if (given.size === inputs.length) return undefined;
  const extra = [...given.keys()].find((name) => !inputs.some((input) => input.name === name)) ?? '';
  return `there is no input ${quoted(extra)}; the inputs are ${inputs.map(described).join(', ')}`;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

function described(info: TensorInfo): string {
  return `${quoted(info.name)} ${shaped(info)}`;
}

function shaped({ type, dims }: TensorInfo): string {
  return `${DATATYPES[type]} [${dims.join(', ')}]`;
}

/** A name as it was sent, which may be long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
