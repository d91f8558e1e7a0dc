import { expect, it } from 'vitest';
import { parseExposition } from './exposition.js';

const counter = '# HELP a_total of a\n# TYPE a_total counter\n';
const histogram = '# HELP h of h\n# TYPE h histogram\n';

it('reads what is right', () => {
  const text = `${counter}a_total{b="c\\"d",e="f, g"} 2.5e+3\n${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n`;
  expect(parseExposition(text).get('a_total')?.samples).toEqual([
    { name: 'a_total', labels: { b: 'c\\"d', e: 'f, g' }, value: 2500 },
  ]);
});

it.each([
  ['a last line without an end', `${counter}a_total 1`],
  ['a sample without TYPE', '# HELP a_total of a\na_total 1\n'],
  ['a sample without HELP', '# TYPE a_total counter\na_total 1\n'],
  ['a sample of another metric', `${counter}b_total 1\n`],
  ['a metric told twice', `${counter}a_total 1\n${counter}`],
  ['a sample twice', `${counter}a_total{b="1",c="2"} 1\na_total{c="2",b="1"} 1\n`],
  ['a counter without _total', '# HELP a of a\n# TYPE a counter\na 1\n'],
  ['a counter below 0', `${counter}a_total -1\n`],
  ['a label without quotes', `${counter}a_total{b=c} 1\n`],
  ['what is no number', `${counter}a_total one\n`],
  ['buckets that are not cumulative', `${histogram}h_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\nh_sum 4\nh_count 2\n`],
  [
    'buckets out of order',
    `${histogram}h_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 4\nh_count 2\n`,
  ],
  ['no bucket for all', `${histogram}h_bucket{le="1"} 3\nh_sum 4\nh_count 3\n`],
  ['a count that is not that of the buckets', `${histogram}h_bucket{le="+Inf"} 2\nh_sum 4\nh_count 3\n`],
  ['a histogram without its sum', `${histogram}h_bucket{le="+Inf"} 2\nh_count 2\n`],
])('refuses %s', (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
