import type { Page } from 'playwright-core';
import type { Experiment } from './experiment.js';
import type { Chooser } from './page/page.js';
import type { InferenceRecord } from './record.js';

/** Something that decides, under the name that it has in tables. */
export interface Contestant {
  readonly name: string;
  readonly chooser: Chooser;
  /** Always the same arm: one of those that the best fixed arm is taken from. */
  readonly isFixed: boolean;
}

export interface CellRecords {
  /** By contestant. */
  readonly records: Readonly<Record<string, readonly InferenceRecord[]>>;
  readonly errors: readonly string[];
  readonly repeats: number;
}

/** How long a policy may take to get the heads that it wishes for. */
const PREPARE_MS = 15_000;

/** Measures all contestants under the conditions that hold now: in short blocks, in turns, in a rotated order. */
export async function measureCell(
  page: Page,
  contestants: readonly Contestant[],
  experiment: Experiment,
): Promise<CellRecords> {
  const { repeats, runsPerBlock, settlingRuns, cellLimitMs, inferenceLimitMs } = experiment;
  const records: Record<string, InferenceRecord[]> = Object.fromEntries(contestants.map(({ name }) => [name, []]));
  const errors: string[] = [];
  await prepare(page, contestants, errors);
  const endMs = performance.now() + cellLimitMs;
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const { name, chooser } of rotated(contestants, repeat)) {
      if (performance.now() > endMs) {
        errors.push(`ended after ${repeat} repeats, at the limit of ${cellLimitMs / 1000} s`);
        return { records, errors, repeats: repeat };
      }
      const request = { chooser, settling: settlingRuns, runs: runsPerBlock, timeoutMs: inferenceLimitMs };
      const block = await page.evaluate((asked) => globalThis.livePage.block(asked), request);
      records[name]?.push(...block.records);
      errors.push(...block.errors.map((error) => `${name}: ${error}`));
    }
  }
  return { records, errors, repeats };
}

/** Weights are not what is compared: every head that is wished for is built before anything is measured. */
async function prepare(page: Page, contestants: readonly Contestant[], errors: string[]): Promise<void> {
  for (const { name, chooser } of contestants) {
    try {
      const asked = [chooser, PREPARE_MS] as const;
      const isThere = await page.evaluate(([who, budgetMs]) => globalThis.livePage.prepare(who, budgetMs), asked);
      if (!isThere) errors.push(`${name}: a head that it wished for was not there after ${PREPARE_MS / 1000} s`);
    } catch (error) {
      errors.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
