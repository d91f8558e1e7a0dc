import { expect, test } from 'vitest';
import { readCorpus } from './lib/fuzz/corpus.mjs';
import { Coverage } from './lib/fuzz/coverage.mjs';
import { Fuzzer } from './lib/fuzz/fuzzer.mjs';
import { isGuiding } from './lib/fuzz/modules.mjs';
import { TARGETS } from './lib/fuzz/targets.mjs';

test.each(Object.entries(TARGETS))(
  '%s: what fuzzing has found is read or refused, and so is much that is like it',
  async (name, load) => {
    const coverage = new Coverage(isGuiding);
    try {
      const target = await load();
      const fuzzer = new Fuzzer(target, coverage, { seed: 7 });
      await fuzzer.load([...target.seeds, ...readCorpus(name).values()]);
      while (fuzzer.runs < 10_000) await fuzzer.step();
      expect(fuzzer.reached).toBeGreaterThan(1_000);
    } finally {
      coverage.close();
    }
  },
);

test('the fuzzer finds a fault behind four bytes that must be right one after the other', async () => {
  const url = new URL('./lib/fuzz/planted/reader.mjs', import.meta.url).href;
  const coverage = new Coverage((module) => module === url);
  const { readPlanted } = await import(/* @vite-ignore */ url);
  const target = { run: readPlanted, words: [], maxBytes: 16 };
  const hunt = async () => {
    const fuzzer = new Fuzzer(target, coverage, { seed: 1 });
    await fuzzer.load([Buffer.from('seed')]);
    while (fuzzer.runs < 400_000) await fuzzer.step();
  };
  try {
    await expect(hunt).rejects.toThrow('the planted fault');
  } finally {
    coverage.close();
  }
});
