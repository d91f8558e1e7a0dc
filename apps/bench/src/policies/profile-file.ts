import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';

const ms = v.pipe(v.number(), v.finite(), v.minValue(0));
const bytes = v.pipe(v.number(), v.integer(), v.minValue(0));
const count = bytes;

/** One listed cut, timed on both sides. */
const cutSchema = v.object({
  id: count,
  isPrefix: v.boolean(),
  headNodes: count,
  tailNodes: count,
  /** Median run time of head and tail alone, warm; 0 for an empty one. */
  headMs: ms,
  tailMs: ms,
  /** `false`: both are interpolated between timed neighbours. */
  timed: v.boolean(),
  /** Raw crossing tensors up, raw outputs down; both 0 for the local cut. */
  bytesUp: bytes,
  bytesDown: bytes,
  /** Bytes of `bytesUp` that are 32-bit floating-point tensors, which f16 halves and u8 quarters. */
  floatBytes: bytes,
  /** Nothing but casts and resizes lies between the input and what crosses. */
  sendsInput: v.boolean(),
  headFlops: ms,
  tailFlops: ms,
});

/** The picture of the network's input size, as it may travel at cut 0. */
const inputSchema = v.object({
  /** [h, w] */
  pixels: v.tuple([count, count]),
  /** u8 pixels, [h, w, 3]. Exact: they are what the float input is made of. */
  u8Bytes: bytes,
  jpegBytes: bytes,
  /** Encoding in the browser, decoding at the edge. */
  jpegEncodeMs: ms,
  jpegDecodeMs: ms,
  webpBytes: bytes,
  webpEncodeMs: ms,
  webpDecodeMs: ms,
});

/** Encoding in the browser and decoding at the edge, per MB (10^6 bytes) of f32 tensor. */
const codecsSchema = v.object({
  f16EncodeMsPerMB: ms,
  f16DecodeMsPerMB: ms,
  u8EncodeMsPerMB: ms,
  u8DecodeMsPerMB: ms,
});

const providerSchema = v.object({ provider: v.string(), threads: count });

const profileSchema = v.object({
  format: v.literal('cutpoint.profile.v1'),
  network: v.string(),
  trained: v.boolean(),
  /** Where it was measured: at least the CPU's name. */
  machine: v.looseObject({ cpu: v.string() }),
  /** ISO 8601. */
  date: v.string(),
  browser: v.string(),
  head: providerSchema,
  tail: providerSchema,
  /** In ascending order of id; the first is full offload, and one of them has no tail: local. */
  cuts: v.pipe(v.array(cutSchema), v.minLength(2)),
  wholeNodes: count,
  input: inputSchema,
  codecs: codecsSchema,
});

/** One network as it was measured on one machine: heads in a browser, tails with onnxruntime-node. */
export type NetworkProfile = v.InferOutput<typeof profileSchema>;
export type ProfiledCut = NetworkProfile['cuts'][number];

/** @throws Error that names the field when it is no profile */
export function parseProfile(value: unknown, name: string): NetworkProfile {
  const parsed = v.safeParse(profileSchema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new Error(`${name} is no profile: ${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`);
  }
  const profile = parsed.output;
  if (profile.cuts[0]?.headNodes !== 0) throw new Error(`${name} is no profile: its first cut is not full offload`);
  if (!profile.cuts.some(({ tailNodes }) => tailNodes === 0)) {
    throw new Error(`${name} is no profile: none of its cuts is local`);
  }
  return profile;
}

/** Where `npm run bench -- profile` writes them: apps/bench/profiles. */
export const PROFILES_FOLDER = fileURLToPath(new URL('../../profiles/', import.meta.url));

/**
 * The profiles of these networks.
 * @throws Error that says which is missing and how to make it
 */
export function readProfiles(networks: readonly string[], folder: string = PROFILES_FOLDER): NetworkProfile[] {
  return networks.map((network) => {
    const path = join(folder, `${network}.json`);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (cause) {
      const there = profiledNetworks(folder).join(', ') || 'none';
      throw new Error(
        `There is no profile of '${network}' (${path}; there: ${there}). Measure it: npm run bench -- profile`,
        { cause },
      );
    }
    return parseProfile(JSON.parse(text), path);
  });
}

export function profiledNetworks(folder: string = PROFILES_FOLDER): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length));
  } catch {
    return [];
  }
}
