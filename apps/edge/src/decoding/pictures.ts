import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ProtocolError } from '@cutpoint/protocol';
import jpegFactory from '@jsquash/jpeg/codec/dec/mozjpeg_dec.js';
import webpFactory from '@jsquash/webp/codec/dec/webp_dec.js';
import { jpegSize, type PictureSize, webpSize } from './picture-size.js';

/** RGBA, as the decoders give it. */
interface Pixels extends PictureSize {
  readonly data: Uint8ClampedArray;
}

/** An instance of a decoder, with a memory of its own that nothing outside can be reached from. */
interface Decoder {
  decode(bytes: Uint8Array, ...more: readonly boolean[]): Pixels | null;
}

interface FactoryOptions {
  readonly noInitialRun: boolean;
  readonly wasmBinary: Uint8Array;
  readonly print: () => void;
  readonly printErr: () => void;
}

type Factory = (options: FactoryOptions) => Promise<Decoder>;

// The decoders make their result with the browser's class of this name.
Reflect.set(
  globalThis,
  'ImageData',
  class {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  },
);

interface CodecParts {
  readonly factory: Factory;
  readonly wasmFile: string;
  sizeOf(bytes: Uint8Array): PictureSize | undefined;
  /** What `decode` takes after the bytes; it counts its arguments. */
  readonly more: readonly boolean[];
}

/** One codec on this thread, made when the first picture comes. */
class PictureCodec {
  readonly #factory: Factory;
  readonly #wasmFile: string;
  readonly #more: readonly boolean[];
  readonly sizeOf: (bytes: Uint8Array) => PictureSize | undefined;
  #wasm: Uint8Array | undefined;
  #decoder: Promise<Decoder> | undefined;

  constructor({ factory, wasmFile, sizeOf, more }: CodecParts) {
    this.#factory = factory;
    this.#wasmFile = wasmFile;
    this.#more = more;
    this.sizeOf = sizeOf;
  }

  async decode(bytes: Uint8Array): Promise<Pixels | null> {
    this.#decoder ??= this.#instantiate();
    const decoder = await this.#decoder;
    try {
      return decoder.decode(bytes, ...this.#more);
    } catch {
      // What a broken picture left in its memory goes with it.
      this.#decoder = undefined;
      return null;
    }
  }

  #instantiate(): Promise<Decoder> {
    this.#wasm ??= readFileSync(createRequire(import.meta.url).resolve(this.#wasmFile));
    return this.#factory({
      noInitialRun: true,
      wasmBinary: this.#wasm,
      // They would tell the console what is wrong with a picture.
      print: () => {},
      printErr: () => {},
    });
  }
}

// The casts: the packages' own types speak of the browser's globals, and leave out most options.
const CODECS = {
  jpeg: new PictureCodec({
    factory: jpegFactory as unknown as Factory,
    wasmFile: '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm',
    sizeOf: jpegSize,
    // The orientation that a camera noted is for whoever shows the picture.
    more: [false],
  }),
  webp: new PictureCodec({
    factory: webpFactory as unknown as Factory,
    wasmFile: '@jsquash/webp/codec/dec/webp_dec.wasm',
    sizeOf: webpSize,
    more: [],
  }),
};

/**
 * The RGB pixels of a compressed picture, as they were stored: nothing is scaled, rotated or converted by a profile.
 * @returns `[height, width, 3]`
 * @throws ProtocolError `bad_tensors` for a picture of another size, or one that cannot be read
 */
export async function decodePicture(
  codec: 'jpeg' | 'webp',
  bytes: Uint8Array,
  { width, height }: PictureSize,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = CODECS[codec].sizeOf(bytes);
  if (size === undefined) throw new ProtocolError('bad_tensors', `a picture that is no ${codec} of this protocol`);
  if (size.width !== width || size.height !== height) {
    throw new ProtocolError(
      'bad_tensors',
      `a picture of ${size.width} x ${size.height}; it must be ${width} x ${height}`,
    );
  }
  const pixels = await CODECS[codec].decode(bytes);
  if (pixels?.width !== width || pixels.height !== height) {
    throw new ProtocolError('bad_tensors', `a ${codec} picture that cannot be decoded`);
  }
  return withoutAlpha(pixels.data);
}

/** RGBA to RGB. */
function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array<ArrayBuffer> {
  const numPixels = rgba.length / 4;
  const rgb = new Uint8Array(numPixels * 3);
  for (let pixel = 0, from = 0, to = 0; pixel < numPixels; pixel++, from += 4, to += 3) {
    rgb[to] = rgba[from] ?? 0;
    rgb[to + 1] = rgba[from + 1] ?? 0;
    rgb[to + 2] = rgba[from + 2] ?? 0;
  }
  return rgb;
}
