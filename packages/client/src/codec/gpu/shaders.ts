/**
 * The codecs of `@cutpoint/protocol` in WGSL. Numbers are read as their bits and compared as integers: a device may flush
 * denormals and may assume that there is neither NaN nor infinity, but integer arithmetic is exact everywhere.
 */

/** Types of numbers that a codec narrows. */
export type FloatType = 'float32' | 'float16';

export const WORKGROUP_SIZE = 256;
/** Bytes of {@link STATISTICS} before the encoded words. */
export const STATISTICS_BYTES = 16;

/**
 * One tensor, encoded. All but `count` begin as 0, so the lowest number is kept as the complement of its key: both ends of
 * the range are then a maximum.
 */
const STATISTICS = /* wgsl */ `
struct Encoded {
  lowestInverted: atomic<u32>,
  highest: atomic<u32>,
  unfit: atomic<u32>,
  count: u32,
  words: array<u32>,
}
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> encoded: Encoded;
`;

/** The bits, as f32, of the number at an index. Every half is an f32 number, and none of them a denormal one. */
const BITS_OF: Readonly<Record<FloatType, string>> = {
  float32: /* wgsl */ `
fn bitsOf(index: u32) -> u32 {
  return source[index];
}
`,
  float16: /* wgsl */ `
fn bitsOf(index: u32) -> u32 {
  let half = (source[index >> 1u] >> ((index & 1u) << 4u)) & 0xffffu;
  let sign = (half & 0x8000u) << 16u;
  let exponent = half & 0x7c00u;
  let fraction = half & 0x3ffu;
  if (exponent == 0x7c00u) {
    return sign | 0x7f800000u | (fraction << 13u);
  }
  if (exponent == 0u) {
    return sign | bitcast<u32>(f32(fraction) * 0x1p-24f);
  }
  return sign | ((exponent << 13u) + (112u << 23u)) | (fraction << 13u);
}
`,
};

/**
 * u8 in two passes. Keys order numbers as integers: positive ones with the sign bit set, negative ones complemented. The
 * lowest number is level 0, so a tensor whose numbers are all equal has no other. Threads join their ends of the range by
 * atomic operations alone: a barrier in each workgroup made it three times slower on an adapter in software.
 */
export function u8Shader(type: FloatType): string {
  return /* wgsl */ `
${STATISTICS}
${BITS_OF[type]}
fn keyOf(bits: u32) -> u32 {
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn numberOf(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

@compute @workgroup_size(${WORKGROUP_SIZE})
fn findRange(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let count = encoded.count;
  var lowestInverted = 0u;
  var highest = 0u;
  var unfit = 0u;
  for (var index = id.x; index < count; index += groups.x * ${WORKGROUP_SIZE}u) {
    let bits = bitsOf(index);
    let key = keyOf(bits);
    lowestInverted = max(lowestInverted, ~key);
    highest = max(highest, key);
    unfit |= select(0u, 1u, (bits & 0x7f800000u) == 0x7f800000u);
  }
  atomicMax(&encoded.lowestInverted, lowestInverted);
  atomicMax(&encoded.highest, highest);
  atomicMax(&encoded.unfit, unfit);
}

@compute @workgroup_size(${WORKGROUP_SIZE})
fn quantise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let count = encoded.count;
  let lowest = numberOf(~atomicLoad(&encoded.lowestInverted));
  let range = numberOf(atomicLoad(&encoded.highest)) - lowest;
  let inverse = select(0.0, 255.0 / range, range > 0.0);
  let words = (count + 3u) / 4u;
  for (var word = id.x; word < words; word += groups.x * ${WORKGROUP_SIZE}u) {
    var packed = 0u;
    for (var lane = 0u; lane < 4u; lane++) {
      let index = word * 4u + lane;
      if (index < count) {
        let level = (bitcast<f32>(bitsOf(index)) - lowest) * inverse + 0.5;
        packed |= min(u32(level), 255u) << (lane * 8u);
      }
    }
    encoded.words[word] = packed;
  }
}
`;
}

/**
 * To the nearest half, ties to even, step by step as `roundToHalves` of `@cutpoint/protocol` does it. 65,520 and above
 * would become infinite, and what is not finite lies above. (No comments within shaders: a page pays for them.)
 */
export const F16_SHADER = /* wgsl */ `
${STATISTICS}
fn subnormalHalf(magnitude: u32) -> u32 {
  if (magnitude <= 0x33000000u) {
    return 0u;
  }
  let fraction = (magnitude & 0x7fffffu) | 0x800000u;
  let shift = 126u - (magnitude >> 23u);
  let kept = fraction >> shift;
  let rest = fraction & ((1u << shift) - 1u);
  let middle = 1u << (shift - 1u);
  let up = rest > middle || (rest == middle && (kept & 1u) == 1u);
  return kept + select(0u, 1u, up);
}

fn halfOf(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  let sign = (bits >> 16u) & 0x8000u;
  if (magnitude < 0x38800000u) {
    return sign | subnormalHalf(magnitude);
  }
  let rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u);
  return sign | ((rounded >> 13u) & 0x7fffu);
}

@compute @workgroup_size(${WORKGROUP_SIZE})
fn roundToHalves(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let count = encoded.count;
  let words = (count + 1u) / 2u;
  for (var word = id.x; word < words; word += groups.x * ${WORKGROUP_SIZE}u) {
    var packed = 0u;
    for (var lane = 0u; lane < 2u; lane++) {
      let index = word * 2u + lane;
      if (index < count) {
        let bits = source[index];
        if ((bits & 0x7fffffffu) >= 0x477ff000u) {
          atomicMax(&encoded.unfit, 1u);
        }
        packed |= halfOf(bits) << (lane * 16u);
      }
    }
    encoded.words[word] = packed;
  }
}
`;
