import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { fidelity } from '../fidelity/fidelity.js';
import type { FigureName } from './figures.js';
import type { Measurement } from './measurement.js';

const FIGURES = ['bytesVsF32', 'bytesVsJpeg', 'top1DropPct', 'top1DropUpperPct'] as const satisfies FigureName[];
const INPUTS = 1_200;
const QUICK_INPUTS = 60;

const resultSchema = v.object({
  bytesVsF32: v.number(),
  bytesVsJpeg: v.number(),
  top1DropPct: v.number(),
  top1DropUpperPct: v.number(),
  worstBytesVsF32: v.number(),
  narrowestCut: v.number(),
  frontierCuts: v.number(),
});

/** What 8 bits cost in answers and save in bytes: the figures of the bench `fidelity`, over its frontier cuts. */
export const answers: Measurement = {
  figures: FIGURES,
  async measure({ options, print }) {
    const { isQuick, modelFile } = options;
    if (modelFile === undefined) throw new Error('there is no trained SqueezeNet: --model FILE');
    const inputs = isQuick ? QUICK_INPUTS : INPUTS;
    const images = join(dirname(modelFile), '../images');
    const result = await fidelity.run(
      ['--frontier', '--inputs', String(inputs), '--model', modelFile, '--images', images],
      (line) => print(`  ${line}`),
    );
    const { worstBytesVsF32, narrowestCut, frontierCuts, ...values } = v.parse(resultSchema, result);
    const cuts = `${frontierCuts} frontier cuts, ${inputs} inputs`;
    const notes: Record<(typeof FIGURES)[number], string> = {
      bytesVsF32: `all ${cuts} together; the worst of them ${worstBytesVsF32}`,
      bytesVsJpeg: `at the narrowest, cut ${narrowestCut}, against the JPEG that changes no more answers`,
      top1DropPct: `the worst of ${cuts}`,
      top1DropUpperPct: 'one-sided 95 % bound of the worst',
    };
    const findings = FIGURES.map((name) => [name, { value: values[name], note: notes[name] }]);
    return { findings: Object.fromEntries(findings), detail: { fidelity: result } };
  },
};
