import assert from 'node:assert/strict';
import jpeg from 'jpeg-js';
import { decodingModule, protocolModule } from './modules.mjs';

/** @typedef {import('./fuzzer.mjs').Target} Target */

/** Of the pictures below. */
const SIDE = 24;
const rgba = Uint8Array.from({ length: SIDE * SIDE * 4 }, (_, index) => (index % 4 === 3 ? 255 : index * 3));
const JPEG = jpeg.encode({ data: rgba, width: SIDE, height: SIDE }, 50).data;
/** Lossy, lossless, and lossy with alpha, by libwebp. */
const WEBPS = [
  'UklGRlAAAABXRUJQVlA4IEQAAACwAQCdASoIAAgAAsBMJZwAAxZcj8SUAP6saf/Ck7pE/yFe1yOTt2mEiCXjOG3IfunqRQnj35WnPnUe/UAAATwZgQAAAA==',
  'UklGRjAAAABXRUJQVlA4TCMAAAAvF8AFAM1kRP8DSgMQYIzqCP9fKkvTrxBAABQ0MQF+sC5uAgA=',
  'UklGRnwAAABXRUJQVlA4WAoAAAAQAAAABwAABwAAQUxQSBIAAAABD/Cy/4iIIBBI2l97iIj+Rw5WUDggRAAAALABAJ0BKggACAACwEwlnAADFlyPxJQA/qxp/8KTukT/IV7XI5O3aYSIJeM4bch+6epFCePflac+dR79QAABPBmBAAAA',
].map((text) => Buffer.from(text, 'base64'));

/** What is read of pictures before anything is allocated for them. @returns {Promise<Target>} */
export async function picturesTarget() {
  const { jpegSize, webpSize } = await import(`${decodingModule}picture-size.js`);
  const run = (bytes) => {
    for (const size of [jpegSize(bytes), webpSize(bytes)]) {
      if (size === undefined) continue;
      for (const side of [size.width, size.height]) assert.ok(Number.isInteger(side) && side >= 0 && side <= 2 ** 24);
    }
  };
  return { run, words: ['\xff\xd8', 'RIFF', 'WEBP', 'VP8 ', 'VP8L', 'VP8X'], maxBytes: 2_048, seeds: [JPEG, ...WEBPS] };
}

/** How tensors travel; the first byte of an input chooses one. */
const ENCODINGS = [
  { codec: 'jpeg', type: 'uint8' },
  { codec: 'webp', type: 'uint8' },
  { codec: 'raw', type: 'float32', deflated: true },
  { codec: 'f16', type: 'float32' },
  { codec: 'f16', type: 'float32', deflated: true },
  { codec: 'u8', type: 'float32', scale: 0.5, min: -1, deflated: true },
  { codec: 'u8', type: 'float16', scale: 3e38, min: -3e38 },
  { codec: 'raw', type: 'bool', deflated: true },
];
const MAX_PIXELS = 4_096;

/** Payloads as a worker decodes them, pictures and deflated bytes too. @returns {Promise<Target>} */
export async function payloadsTarget() {
  const { checkTensorHeaders, tensorBytes, ProtocolError } = await import(`${protocolModule}index.js`);
  const { decodePayload } = await import(`${decodingModule}payload.js`);
  const { jpegSize, webpSize } = await import(`${decodingModule}picture-size.js`);
  const sizeIn = { jpeg: jpegSize, webp: webpSize };
  /** That which it claims, where it is small, or the decoder would never be reached. */
  const dimsOf = (codec, payload) => {
    const size = sizeIn[codec]?.(payload);
    return size !== undefined && size.width * size.height <= MAX_PIXELS
      ? [size.height, size.width, 3]
      : [SIDE, SIDE, 3];
  };
  const run = async (bytes) => {
    const encoding = ENCODINGS[(bytes[0] ?? 0) % ENCODINGS.length];
    const payload = new Uint8Array(bytes.subarray(1));
    const numBytes = payload.byteLength;
    const isExact = encoding.codec !== 'jpeg' && encoding.codec !== 'webp' && !encoding.deflated;
    const dims = isExact ? [encoding.codec === 'f16' ? numBytes >> 1 : numBytes] : dimsOf(encoding.codec, payload);
    const header = { name: 'x', dims, numBytes, ...encoding };
    if (checkTensorHeaders([header], numBytes) !== undefined) return;
    try {
      const [decoded] = await decodePayload([header], payload);
      assert.equal(decoded.bytes.byteLength, tensorBytes(header.type, dims));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      assert.ok(error.message.length < 1_000);
    }
  };
  const { deflateRawSync } = await import('node:zlib');
  const encoded = (index, payload) => Buffer.concat([Buffer.from([index]), payload]);
  const zeros = (type, scale) => deflateRawSync(Buffer.alloc(SIDE * SIDE * 3 * scale, type));
  const seeds = [
    encoded(0, JPEG),
    ...WEBPS.map((webp) => encoded(1, webp)),
    encoded(2, zeros(64, 4)),
    encoded(3, Buffer.from([0, 60, 0, 124, 1, 0])),
    encoded(4, zeros(60, 2)),
    encoded(5, zeros(9, 1)),
    encoded(6, Buffer.from([0, 1, 255])),
    encoded(7, zeros(1, 1)),
  ];
  return { run, words: ['VP8 ', 'VP8L', 'VP8X', 'ALPH'], maxBytes: 2_048, seeds };
}
