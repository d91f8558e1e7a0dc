import type { Arm, Codec } from '@cutpoint/partition';
import type { NetworkProfile, ProfiledCut } from './profile-file.js';
import { DEVICES, type DeviceClass, EDGES, type EdgeClass } from './protocol.js';

/** Codecs that the comparison over all arms has. No deflate: what untrained activations deflate to means nothing. */
const CODECS = ['f32', 'f16', 'u8', 'jpeg', 'webp'] as const satisfies readonly Codec[];

/** Tail of a cut on this class of edge, in ms. */
export function tailMsOn(edge: EdgeClass, { tailMs, tailNodes }: ProfiledCut): number {
  const { divisor, perNodeMs } = EDGES[edge];
  return tailNodes === 0 ? 0 : tailMs / divisor + perNodeMs * tailNodes;
}

/** Tail of full offload. */
export function wholeTailMs(edge: EdgeClass, { cuts }: NetworkProfile): number {
  return cuts[0] === undefined ? 0 : tailMsOn(edge, cuts[0]);
}

/** Every cut with every codec. Encoding is measured on the profiled browser; a slower device encodes slower. */
export function allArms(profile: NetworkProfile, device: DeviceClass, edge: EdgeClass): Arm[] {
  return profile.cuts.flatMap((cut) =>
    CODECS.flatMap((codec) => {
      const shape = shapeOf(profile, cut, codec);
      if (shape === undefined) return [];
      const usesEdge = cut.tailNodes > 0;
      return {
        cut: cut.id,
        codec,
        headMs: cut.headMs,
        tailMs: tailMsOn(edge, cut),
        bytesUp: usesEdge ? shape.bytes : 0,
        bytesDown: usesEdge ? cut.bytesDown : 0,
        encodeMs: shape.encodeMs * DEVICES[device].d,
        decodeMs: shape.decodeMs,
        usesEdge,
        isPrefix: cut.isPrefix,
        sendsInput: cut.sendsInput,
      };
    }),
  );
}

/** What LoADPart has: prefix cuts, raw tensors. */
export function sameArms(profile: NetworkProfile, device: DeviceClass, edge: EdgeClass): Arm[] {
  return allArms(profile, device, edge).filter(({ isPrefix, codec }) => isPrefix && codec === 'f32');
}

interface Shape {
  readonly bytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/** `undefined` when this codec changes nothing about what crosses there. */
function shapeOf(profile: NetworkProfile, cut: ProfiledCut, codec: (typeof CODECS)[number]): Shape | undefined {
  const { input, codecs } = profile;
  if (codec === 'f32') return { bytes: cut.bytesUp, encodeMs: 0, decodeMs: 0 };
  if (cut.tailNodes === 0) return undefined;
  const isInput = cut.headNodes === 0;
  if (codec === 'jpeg') {
    if (!isInput) return undefined;
    return { bytes: input.jpegBytes, encodeMs: input.jpegEncodeMs, decodeMs: input.jpegDecodeMs };
  }
  if (codec === 'webp') {
    if (!isInput) return undefined;
    return { bytes: input.webpBytes, encodeMs: input.webpEncodeMs, decodeMs: input.webpDecodeMs };
  }
  // The pixels themselves: nothing is encoded, and what the network makes of them is part of its tail.
  if (isInput && codec === 'u8') return { bytes: input.u8Bytes, encodeMs: 0, decodeMs: 0 };
  if (cut.floatBytes === 0) return undefined;
  const megabytes = cut.floatBytes / 1e6;
  return codec === 'f16'
    ? {
        bytes: cut.bytesUp - cut.floatBytes / 2,
        encodeMs: megabytes * codecs.f16EncodeMsPerMB,
        decodeMs: megabytes * codecs.f16DecodeMsPerMB,
      }
    : {
        bytes: cut.bytesUp - (cut.floatBytes * 3) / 4,
        encodeMs: megabytes * codecs.u8EncodeMsPerMB,
        decodeMs: megabytes * codecs.u8DecodeMsPerMB,
      };
}
