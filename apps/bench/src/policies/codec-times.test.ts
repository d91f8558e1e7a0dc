import { describe, expect, it } from 'vitest';
import { withEqualCodecTimes } from './codec-times.js';
import { syntheticProfile } from './testing/synthetic-profile.js';

describe('withEqualCodecTimes', () => {
  it('takes the least of what is the same, and of pictures only among those of the same size', () => {
    const changed = (network: string, factor: number) => {
      const profile = structuredClone(syntheticProfile(network));
      profile.input.jpegEncodeMs *= factor;
      profile.input.webpDecodeMs /= factor;
      profile.codecs.f16EncodeMsPerMB *= factor;
      return profile;
    };
    const profiles = [changed('alexnet', 2), changed('vgg16', 3), changed('xception', 0.5)];
    const [alexnet, vgg16, xception] = withEqualCodecTimes(profiles);
    expect(alexnet?.input).toEqual({ ...profiles[0]?.input, webpDecodeMs: profiles[1]?.input.webpDecodeMs });
    expect(vgg16?.input).toEqual({ ...profiles[1]?.input, jpegEncodeMs: profiles[0]?.input.jpegEncodeMs });
    expect(xception?.input).toEqual(profiles[2]?.input);
    expect(alexnet?.codecs).toEqual(profiles[2]?.codecs);
    expect(alexnet?.cuts).toEqual(profiles[0]?.cuts);
  });
});
