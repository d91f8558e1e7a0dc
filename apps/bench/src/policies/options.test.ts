import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';
import { parseProfile, readProfiles } from './profile-file.js';
import { syntheticProfile } from './testing/synthetic-profile.js';

const synthetic = (...args: string[]) => readOptions(['--synthetic', ...args]);

describe('readOptions', () => {
  it('chooses networks, links, loads, clients and seeds', () => {
    const { setup } = synthetic(
      '--networks',
      'vgg16',
      '--links',
      '8,64/2,lte',
      '--loads',
      'idle,bursty',
      '--seed',
      '5',
      '--quick',
    );
    expect(setup.networks).toEqual([2]);
    expect(setup.grid.links).toEqual([
      { kind: 'constant', megabits: 8, roundTripMs: 20 },
      { kind: 'constant', megabits: 64, roundTripMs: 2 },
      { kind: 'lte' },
    ]);
    expect(setup.grid.loads.map(({ name }) => name)).toEqual(['idle', 'bursty']);
    expect(setup.seeds[0]).toBe(5);
    expect([setup.device, setup.edge]).toEqual(['small-board', 'gpu-scaled']);
    const other = synthetic('--device', 'measured', '--edge', 'cpu').setup;
    expect([other.device, other.edge]).toEqual(['measured', 'cpu']);
  });

  it.each([
    [['--networks', 'vgg19'], /there is no 'vgg19'; there are alexnet/],
    [['--device', 'phone'], /there is no 'phone'; there are measured, small-board/],
    [['--edge', 'gpu'], /there is no 'gpu'; there are cpu, gpu-scaled/],
    [['--loads', '40%'], /there is no '40%'; there are idle/],
    [['--links', 'fast'], /'fast' is neither 'lte' nor Mbit/],
    [['--trace', '/nowhere'], /'\/nowhere' cannot be read/],
    [['--seed', 'x'], /--seed must be a whole number/],
    [['--clients', '-1'], /clients/],
    [['--fast'], /--fast/],
  ])('says what is wrong with %j', (args, message) => {
    expect(() => synthetic(...args)).toThrow(message);
  });
});

describe('profiles', () => {
  it('says which is missing and how to measure it', () => {
    expect(() => readProfiles(['alexnet'], '/nowhere')).toThrow(/no profile of 'alexnet'.*npm run bench -- profile/);
  });

  it('names the field that is wrong', () => {
    const profile = structuredClone(syntheticProfile('alexnet'));
    expect(parseProfile(profile, 'alexnet.json')).toEqual(profile);
    const wrong = { ...profile, cuts: profile.cuts.map((cut) => ({ ...cut, headMs: -1 })) };
    expect(() => parseProfile(wrong, 'alexnet.json')).toThrow(/alexnet.json is no profile: cuts.0.headMs/);
    expect(() => parseProfile({ ...profile, cuts: profile.cuts.slice(0, 3) }, 'x')).toThrow(
      /none of its cuts is local/,
    );
  });
});
