import type { NetworkProfile } from './profile-file.js';

const PER_MEGABYTE = ['f16EncodeMsPerMB', 'f16DecodeMsPerMB', 'u8EncodeMsPerMB', 'u8DecodeMsPerMB'] as const;
const PER_PICTURE = ['jpegEncodeMs', 'jpegDecodeMs', 'webpEncodeMs', 'webpDecodeMs'] as const;

/**
 * The same profiles, with one figure for each thing that is the same for all of them. How long a picture of one size, or a
 * MB of numbers, takes to be encoded does not depend on the network, yet each network's profile has its own measurement of
 * it, some made while the machine was busy. A busy machine only ever adds time, so the least is the truest: of the pictures
 * the least over the networks with the same picture, of the tensors the least over all.
 */
export function withEqualCodecTimes(profiles: readonly NetworkProfile[]): NetworkProfile[] {
  return profiles.map((profile) => {
    const samePicture = profiles.filter(({ input }) => String(input.pixels) === String(profile.input.pixels));
    return {
      ...profile,
      input: {
        ...profile.input,
        ...leastOf(
          PER_PICTURE,
          samePicture.map(({ input }) => input),
        ),
      },
      codecs: {
        ...profile.codecs,
        ...leastOf(
          PER_MEGABYTE,
          profiles.map(({ codecs }) => codecs),
        ),
      },
    };
  });
}

function leastOf<Name extends string>(
  names: readonly Name[],
  measured: readonly Readonly<Record<Name, number>>[],
): Record<Name, number> {
  const least = (name: Name) => Math.min(...measured.map((each) => each[name]));
  return Object.fromEntries(names.map((name) => [name, least(name)])) as Record<Name, number>;
}
