import { readFile } from 'node:fs/promises';
import { readRecording, replayRecording } from '@cutpoint/partition';
import type { Bench } from './bench.js';

/** So many differences are shown one by one. */
const SHOWN = 10;

/** Makes the decisions of a recorded session again: the same file gives the same decisions. */
export const replay: Bench = {
  summary: 'the decisions of a recorded session again: FILE, as the demo page saves it',
  async run([file, ...more], print) {
    if (file === undefined || more.length > 0) throw new Error('name one file: npm run bench -- replay FILE');
    const recording = readRecording(await readFile(file, 'utf8'));
    const replayed = replayRecording(recording);
    const models = [...new Set(recording.decisions.map(({ model }) => model))];
    const cutShort = recording.isCutShort ? ', cut short at its limit' : '';
    print(`${replayed.length} decisions of ${models.join(', ')}, recorded at ${recording.recordedAt}${cutShort}`);
    const differing = replayed.flatMap(({ difference }, index) =>
      difference === undefined ? [] : [{ number: index + 1, difference }],
    );
    for (const { number, difference } of differing.slice(0, SHOWN)) print(`decision ${number}: ${difference}`);
    if (differing.length > 0) throw new Error(`${differing.length} of ${replayed.length} decisions differ`);
    print(`all ${replayed.length} are the same`);
    return { file, decisions: replayed.length, traces: recording.traces.length, models, differing: 0 };
  },
};
