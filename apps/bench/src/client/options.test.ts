import { expect, test } from 'vitest';
import { FIGURE_NAMES } from './figures.js';
import { parseClientOptions } from './options.js';

test('all figures are measured unless some are named', () => {
  expect([...parseClientOptions([]).only]).toEqual(FIGURE_NAMES);
  expect([...parseClientOptions(['--only', 'gzipKB,localRatio']).only]).toEqual(['gzipKB', 'localRatio']);
});

test.each([
  [['--only', 'speed'], 'speed'],
  [['--runs', '49'], '49'],
  [['--runs', 'many'], 'many'],
  [['--model', '/there/is/no/such.onnx'], 'such.onnx'],
])('what is wrong is named: %j', (args, named) => {
  expect(() => parseClientOptions(args)).toThrow(named);
});

test('a quick run may be as short as one likes', () => {
  expect(parseClientOptions(['--quick', '--runs', '3'])).toMatchObject({ isQuick: true, runs: 3 });
});
