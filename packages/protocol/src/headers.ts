import { tensorBytes } from './element.js';
import { ProtocolError } from './errors.js';
import type { TensorInfo } from './manifest.js';
import type { TensorHeader } from './messages.js';

/** Whether headers agree with themselves: sizes with shapes and codecs, the total with the sum, and no name twice. */
export function checkTensorHeaders(headers: readonly TensorHeader[], numBytes: number): ProtocolError | undefined {
  const names = new Set<string>();
  let sum = 0;
  for (const header of headers) {
    if (names.has(header.name)) return new ProtocolError('bad_tensors', `tensor "${header.name}" is there twice`);
    names.add(header.name);
    const wrong = checkEncoding(header);
    if (wrong !== undefined) return new ProtocolError('bad_tensors', `tensor "${header.name}" ${wrong}`);
    sum += header.numBytes;
  }
  if (sum !== numBytes) {
    return new ProtocolError('bad_tensors', `numBytes is ${numBytes}; the tensors sum up to ${sum}`);
  }
  return undefined;
}

/** What is wrong with how a tensor says that it travels. */
function checkEncoding(header: TensorHeader): string | undefined {
  const { type, dims, codec, deflated, numBytes } = header;
  const shape = `${type} [${dims.join(', ')}]`;
  if (!canCarry(header)) return `is ${shape}, which cannot travel as ${deflated ? `deflated ${codec}` : codec}`;
  if (codec === 'u8' && (header.scale === undefined || header.min === undefined)) return 'is u8 without scale and min';
  const most = plainBytes(header);
  const isExact = !deflated && !isPicture(codec);
  if (isExact ? numBytes === most : numBytes >= 1 && numBytes <= most) return undefined;
  return `says ${numBytes} bytes; ${shape} has ${isExact ? '' : 'at least 1 and at most '}${most} as ${codec}`;
}

function canCarry({ type, dims, codec, deflated }: TensorHeader): boolean {
  switch (codec) {
    case 'raw':
      return true;
    case 'f16':
      return type === 'float32';
    case 'u8':
      return type === 'float32' || type === 'float16';
    case 'jpeg':
    case 'webp':
      return type === 'uint8' && dims.length === 3 && dims[2] === 3 && !deflated;
  }
}

/**
 * Bytes of a tensor as its codec writes it, before it is deflated. What compresses never makes more of it: its sender
 * takes the plain bytes where it would.
 */
export function plainBytes({ type, dims, codec }: Pick<TensorHeader, 'type' | 'dims' | 'codec'>): number {
  if (codec === 'f16') return tensorBytes('float16', dims);
  return tensorBytes(codec === 'u8' ? 'uint8' : type, dims);
}

export function isPicture(codec: TensorHeader['codec']): codec is 'jpeg' | 'webp' {
  return codec === 'jpeg' || codec === 'webp';
}

/** Whether headers are exactly the tensors that must be sent: names, types, shapes, and their order. */
export function checkExpectedTensors(
  headers: readonly TensorHeader[],
  expected: readonly TensorInfo[],
): ProtocolError | undefined {
  if (headers.length !== expected.length) {
    return new ProtocolError('bad_tensors', `${headers.length} tensors; ${expected.length} must be sent`);
  }
  for (const [index, want] of expected.entries()) {
    const got = headers[index];
    if (got === undefined || !sameTensor(got, want)) {
      return new ProtocolError(
        'bad_tensors',
        `tensor ${index} is ${got === undefined ? 'missing' : describe(got)}; it must be ${describe(want)}`,
      );
    }
  }
  return undefined;
}

function sameTensor(a: TensorInfo, b: TensorInfo): boolean {
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.dims.length === b.dims.length &&
    a.dims.every((dim, axis) => dim === b.dims[axis])
  );
}

function describe({ name, type, dims }: TensorInfo): string {
  return `"${name}" ${type} [${dims.join(', ')}]`;
}
