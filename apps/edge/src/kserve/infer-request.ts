import { ProtocolError, type TensorInfo, tensorBytes } from '@cutpoint/protocol';
import * as v from 'valibot';
import { type Contract, matchContract, quoted } from './contract.js';
import { bytesOfValues } from './json-values.js';

/** An output that the client wants, and how. */
export interface WantedOutput {
  readonly name: string;
  readonly isBinary: boolean;
}

/** A request whose tensors were found to be those of a contract. */
export interface InferRequest {
  readonly id?: string;
  /** Index of the contract. */
  readonly contract: number;
  /** Of the contract's inputs, in its order, without gaps. */
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly outputs: readonly WantedOutput[];
  readonly timeoutMs?: number;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const inputSchema = v.object({
  name: v.string(),
  shape: v.array(count),
  datatype: v.string(),
  parameters: v.optional(v.looseObject({ binary_data_size: v.optional(count) })),
  // Its elements are looked at once it is known what they should be.
  data: v.optional(v.unknown()),
});

const requestSchema = v.object({
  id: v.optional(v.string()),
  inputs: v.array(inputSchema),
  outputs: v.optional(
    v.array(
      v.object({
        name: v.string(),
        parameters: v.optional(v.looseObject({ binary_data: v.optional(v.boolean()) })),
      }),
    ),
  ),
  parameters: v.optional(
    v.looseObject({
      binary_data_output: v.optional(v.boolean()),
      /** In microseconds, as Triton has it. */
      timeout: v.optional(v.pipe(v.number(), v.minValue(0))),
    }),
  ),
});

type Request = v.InferOutput<typeof requestSchema>;
type Input = v.InferOutput<typeof inputSchema>;

/** Parameters of tensors that belong to extensions which are not served; to ignore them would give wrong answers. */
const UNSERVED = ['shared_memory_region', 'classification'];

/**
 * Reads the body of an inference request of the Open Inference Protocol, with or without binary tensor data, and checks its
 * tensors against what is served.
 * @param jsonBytes where the JSON ends and binary data begins; `undefined` when all of it is JSON
 * @param contracts forms of the model; the inputs say which one is meant
 * @throws ProtocolError `bad_json`, `bad_message` or `bad_tensors`
 */
export function readInferRequest(
  body: Uint8Array<ArrayBuffer>,
  jsonBytes: number | undefined,
  contracts: readonly Contract[],
): InferRequest {
  const { id, inputs, outputs, parameters } = parseJson(body.subarray(0, jsonBytes));
  for (const tensor of [...inputs, ...(outputs ?? [])]) refuseUnserved(tensor);
  const index = matchContract(inputs, contracts);
  const contract = contracts[index];
  if (contract === undefined) throw new ProtocolError('bad_tensors', 'nothing is served here');
  const binary = jsonBytes === undefined ? undefined : body.subarray(jsonBytes);
  return {
    ...(id === undefined ? {} : { id }),
    contract: index,
    payload: gatherPayload(inputs, binary, contract.inputs),
    outputs: wantedOutputs(outputs, contract.outputs, parameters?.binary_data_output === true),
    ...(parameters?.timeout === undefined ? {} : { timeoutMs: parameters.timeout / 1000 }),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(bytes: Uint8Array): Request {
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new ProtocolError(
      'bad_json',
      'the body does not begin with a JSON object of as many bytes as Inference-Header-Content-Length says (without it, all of it is JSON)',
      { cause },
    );
  }
  const parsed = v.safeParse(requestSchema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = v.getDotPath(issue)?.slice(0, 100) ?? 'the request';
  throw new ProtocolError('bad_message', `${path}: ${issue.message.slice(0, 200)}`);
}

function refuseUnserved({ name, parameters }: Pick<Input, 'name' | 'parameters'>): void {
  const extension = UNSERVED.find((key) => parameters !== undefined && Object.hasOwn(parameters, key));
  if (extension === undefined) return;
  throw new ProtocolError('bad_tensors', `${quoted(name)} asks for ${extension}, which this edge does not serve`);
}

/** Binary data lies behind the JSON in the order of the request, which may be another than the contract's. */
function gatherPayload(
  given: readonly Input[],
  binary: Uint8Array<ArrayBuffer> | undefined,
  inputs: readonly TensorInfo[],
): Uint8Array<ArrayBuffer> {
  const infos = new Map(inputs.map((info) => [info.name, info]));
  const parts = new Map<string, Uint8Array>();
  let begin = 0;
  for (const input of given) {
    const info = infos.get(input.name);
    if (info === undefined) continue;
    const size = checkedSize(input, info);
    if (size === undefined) {
      parts.set(info.name, bytesOfValues(info, input.data));
      continue;
    }
    parts.set(info.name, take(binary, begin, size));
    begin += size;
  }
  const left = (binary?.byteLength ?? 0) - begin;
  if (left > 0) throw new ProtocolError('bad_tensors', `${left} bytes of binary data belong to no input`);
  return joined(inputs.map(({ name }) => parts.get(name) ?? new Uint8Array()));
}

/** Bytes that an input has as binary data; `undefined` for one that came as JSON. */
function checkedSize({ name, parameters, data }: Input, { type, dims }: TensorInfo): number | undefined {
  const size = parameters?.binary_data_size;
  if (size === undefined) {
    if (data !== undefined) return undefined;
    throw new ProtocolError('bad_tensors', `${quoted(name)} has neither data nor binary_data_size`);
  }
  if (data !== undefined) throw new ProtocolError('bad_tensors', `${quoted(name)} has both data and binary_data_size`);
  const numBytes = tensorBytes(type, dims);
  if (size === numBytes) return size;
  throw new ProtocolError('bad_tensors', `binary_data_size of ${quoted(name)} is ${size}; it has ${numBytes} bytes`);
}

function take(binary: Uint8Array | undefined, begin: number, size: number): Uint8Array {
  if (binary === undefined) {
    throw new ProtocolError('bad_tensors', 'there is binary data, but no Inference-Header-Content-Length');
  }
  if (begin + size > binary.byteLength) {
    const present = `${binary.byteLength} bytes of binary data came`;
    throw new ProtocolError('bad_tensors', `${present}; the inputs have ${begin + size} or more`);
  }
  return binary.subarray(begin, begin + size);
}

/** Copies into memory of its own: it will be handed to a worker thread. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

function wantedOutputs(
  wanted: Request['outputs'],
  outputs: readonly TensorInfo[],
  isBinaryByDefault: boolean,
): readonly WantedOutput[] {
  if (wanted === undefined || wanted.length === 0) {
    return outputs.map(({ name }) => ({ name, isBinary: isBinaryByDefault }));
  }
  const names = new Set<string>();
  return wanted.map(({ name, parameters }) => {
    if (names.has(name)) throw new ProtocolError('bad_tensors', `the output ${quoted(name)} is asked for twice`);
    names.add(name);
    if (!outputs.some((output) => output.name === name)) {
      const known = outputs.map((output) => quoted(output.name)).join(', ');
      throw new ProtocolError('bad_tensors', `there is no output ${quoted(name)}; the outputs are ${known}`);
    }
    return { name, isBinary: parameters?.binary_data ?? isBinaryByDefault };
  });
}
