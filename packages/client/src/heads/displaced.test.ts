import { describe, expect, it } from 'vitest';
import { tinyManifest, tinyTable } from '../testing/tiny-edge.js';
import { displacedBy, hasRoomBeside, MAX_PART_BYTES, MAX_PARTS } from './displaced.js';
import { headSpec, hollowSpec, type Part, type PartSpec } from './head-store.js';

const MIB = 2 ** 20;

/** A head of so many MiB of weights. */
function head(name: string, mebibytes = 1): PartSpec {
  const table = tinyTable();
  const manifest = tinyManifest(table);
  const [variant] = manifest.variants;
  const cut = table.cuts[1];
  if (!variant || !cut) throw new Error('the tiny network has no cut 1');
  const packs = [{ sha256: name.repeat(64).slice(0, 64), numBytes: mebibytes * MIB }];
  return { ...headSpec(manifest, variant, cut, 'wasm', table), key: name, packs };
}

function built(...specs: PartSpec[]): Part[] {
  return specs.map((spec) => ({ key: spec.key, spec, created: { inputNames: [], provider: 'wasm', warmUpMs: 1 } }));
}

const FULL = built(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => head(name)));

function keys(parts: readonly Part[]): string {
  return parts.map(({ key }) => key).join();
}

describe('for a head that comes', () => {
  it('goes what was not used for longest, when there are too many', () => {
    expect(FULL).toHaveLength(MAX_PARTS);
    expect(keys(displacedBy(head('g'), FULL))).toBe('a');
    expect(keys(displacedBy(head('g'), FULL.slice(1)))).toBe('');
  });

  it('go as many as its weights need', () => {
    const large = built(head('a', 200), head('b', 100), head('c', 200));
    expect(keys(displacedBy(head('d', 12), large))).toBe('');
    expect(keys(displacedBy(head('d', 13), large))).toBe('a');
    expect(keys(displacedBy(head('d', 250), large))).toBe('a,b');
  });

  it('goes nothing that inferences run meanwhile, even if it is too much then', () => {
    const large = built(head('a', 300), head('b', 200));
    expect(keys(displacedBy(head('c', 400), large, large[0]))).toBe('b');
    expect(keys(displacedBy(head('c', 400), large))).toBe('a,b');
  });

  it('go hollow ones before all others, its own always', () => {
    const mixed = [...FULL.slice(1), ...built(hollowSpec(head('x')))];
    expect(keys(displacedBy(head('g'), mixed))).toBe('x/hollow');
    const few = built(head('a'), hollowSpec(head('g')), hollowSpec(head('x')));
    expect(keys(displacedBy(head('g'), few))).toBe('g/hollow');
  });
});

describe('for a hollow head', () => {
  it('go other hollow ones, and none that inferences may run', () => {
    expect(keys(displacedBy(hollowSpec(head('g')), FULL))).toBe('');
    const mixed = [...FULL, ...built(hollowSpec(head('x')))];
    expect(keys(displacedBy(hollowSpec(head('g')), mixed))).toBe('x/hollow');
  });

  it('there is room as long as it and the others are within the limit', () => {
    const large = built(head('a', 300), hollowSpec(head('x', 200)));
    expect(hasRoomBeside(head('g', MAX_PART_BYTES / MIB - 300), large)).toBe(true);
    expect(hasRoomBeside(head('g', MAX_PART_BYTES / MIB - 299), large)).toBe(false);
  });
});
