/** What a compressed picture says of itself, read before anything is allocated for it. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Progressive pictures have up to a dozen scans; thousands of empty ones would cost a decoder seconds. */
const MAX_JPEG_SCANS = 64;

/**
 * The size of a JPEG of three components of 8 bits, Huffman coded (ITU-T T.81, annex B); `undefined` for anything else,
 * and for one without its end.
 */
export function jpegSize(bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { byteLength } = view;
  if (byteLength < 4 || view.getUint16(0) !== 0xffd8 || view.getUint16(byteLength - 2) !== 0xffd9) return undefined;
  for (let at = 2; at + 4 <= byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    // Segments with a length are all that may stand before the frame: tables, application data and comments.
    const isSegment = marker === 0xffdb || marker === 0xffc4 || marker === 0xffdd || marker === 0xfffe;
    if (isSegment || (marker >= 0xffe0 && marker <= 0xffef)) continue;
    const isFrame = marker === 0xffc0 || marker === 0xffc1 || marker === 0xffc2;
    if (!isFrame || at + 10 > byteLength || view.getUint8(at + 4) !== 8 || view.getUint8(at + 9) !== 3)
      return undefined;
    if (countScans(bytes) > MAX_JPEG_SCANS) return undefined;
    return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
  }
  return undefined;
}

/** At most too many: the marker may also stand in application data, never in coded data. */
function countScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) if (bytes[at + 1] === 0xda) scans += 1;
  return scans;
}

/** The size of a WebP still picture (RFC 9649), lossy or not; `undefined` for anything else. */
export function webpSize(bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 30 || tag(view, 0) !== 'RIFF' || tag(view, 8) !== 'WEBP') return undefined;
  if (view.getUint32(4, true) !== view.byteLength - 8) return undefined;
  switch (tag(view, 12)) {
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      const sizes = view.getUint32(21, true);
      return { width: (sizes & 0x3fff) + 1, height: ((sizes >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 };
    default:
      return undefined;
  }
}

function tag(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
