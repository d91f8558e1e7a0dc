import type { FigureName, Finding } from './figures.js';
import type { Measurement } from './measurement.js';

const FIGURES = ['bytesVsF32', 'bytesVsJpeg', 'top1DropPct', 'top1DropUpperPct'] as const satisfies FigureName[];

/** What 8 bits cost in answers and save in bytes. */
export const answers: Measurement = {
  figures: FIGURES,
  async measure() {
    const nothing: Finding = { value: null, note: 'nothing here measures it yet' };
    return { findings: Object.fromEntries(FIGURES.map((name) => [name, nothing])), detail: {} };
  },
};
