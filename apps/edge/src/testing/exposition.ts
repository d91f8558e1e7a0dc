/** Reads Prometheus' text format, and is stricter with it than Prometheus: what the format says should be so must be. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

export type Scrape = ReadonlyMap<string, Family>;

const HELP = /^# HELP ([a-zA-Z_:][\w:]*) (\S.*)$/;
const TYPE = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|Nan)$/i;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/** @throws Error with the line that is not as it should be */
export function parseExposition(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let help: RegExpExecArray | undefined;
  let family: Family | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    if (line === '') continue;
    if (line.startsWith('# HELP')) {
      help = HELP.exec(line) ?? undefined;
      if (help === undefined) throw wrong('no HELP');
      family = undefined;
      continue;
    }
    if (line.startsWith('#')) {
      const [, name, type] = TYPE.exec(line) ?? [];
      if (name === undefined || type === undefined || help?.[1] !== name)
        throw wrong('no TYPE of what was just helped');
      if (families.has(name)) throw wrong('told twice');
      family = { name, help: help[2] ?? '', type, samples: [] };
      families.set(name, family);
      continue;
    }
    const sample = parseSample(line);
    if (sample === undefined) throw wrong('no sample');
    const suffix =
      family !== undefined && sample.name.startsWith(family.name) ? sample.name.slice(family.name.length) : '?';
    if (family === undefined || !SUFFIXES[family.type]?.includes(suffix)) throw wrong('not under its HELP and TYPE');
    const key = keyOf(sample);
    if (seen.has(key)) throw wrong('the same sample twice');
    seen.add(key);
    family.samples.push(sample);
  }
  for (const each of families.values()) check(each);
  return families;
}

/** What should only grow and did not; what was there and is gone. */
export function shrunk(before: Scrape, after: Scrape): string[] {
  const isCumulative = ({ type }: Family) => type === 'counter' || type === 'histogram';
  return [...before.values()].filter(isCumulative).flatMap(({ name, samples }) => {
    const now = new Map(after.get(name)?.samples.map((sample) => [keyOf(sample), sample.value]));
    return samples.filter((sample) => !((now.get(keyOf(sample)) ?? -1) >= sample.value)).map(keyOf);
  });
}

/** The only sample of this name that has these labels; `undefined` when there is none. */
export function sampleOf(
  scrape: Scrape,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = scrape.get(name) ?? scrape.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  const fits = (sample: Sample) =>
    sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
  const [found, ...more] = family?.samples.filter(fits) ?? [];
  if (more.length > 0) throw new Error(`${name} has several samples with ${JSON.stringify(labels)}`);
  return found?.value;
}

function keyOf({ name, labels }: Sample): string {
  return `${name}${JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`;
}

function parseSample(line: string): Sample | undefined {
  const [, name, labelText = '', number] = SAMPLE.exec(line) ?? [];
  const labels = parseLabels(labelText);
  if (name === undefined || number === undefined || labels === undefined || !NUMBER.test(number)) return undefined;
  return { name, labels, value: Number(number.replace('Inf', 'Infinity').replace('Nan', 'NaN')) };
}

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, key, value] = LABEL.exec(text) ?? [];
    if (key === undefined || value === undefined || key in labels) return undefined;
    labels[key] = value;
  }
  return labels;
}

function check({ name, type, samples }: Family): void {
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`the counter ${name} does not end in _total`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below 0`);
  if (type === 'histogram') for (const series of seriesOf(samples)) checkBuckets(name, series);
}

/** Samples with the same labels but for `le`. */
function seriesOf(samples: readonly Sample[]): readonly (readonly Sample[])[] {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = keyOf({ ...sample, name: '', labels });
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  return [...series.values()];
}

function checkBuckets(name: string, series: readonly Sample[]): void {
  const named = (suffix: string) => series.filter((sample) => sample.name === name + suffix);
  const buckets = named('_bucket').map(({ labels, value }) => ({
    le: Number(labels.le?.replace('Inf', 'Infinity')),
    value,
  }));
  const [sum, ...sums] = named('_sum');
  const [count, ...counts] = named('_count');
  const last = buckets.at(-1);
  if (sum === undefined || count === undefined || sums.length + counts.length > 0)
    throw new Error(`${name}: no one sum and count`);
  if (last?.le !== Number.POSITIVE_INFINITY || last.value !== count.value)
    throw new Error(`${name}: +Inf is not the count`);
  for (const [index, { le, value }] of buckets.slice(1).entries()) {
    const before = buckets[index];
    if (before === undefined || !(le > before.le) || !(value >= before.value))
      throw new Error(`${name}: not cumulative at ${le}`);
  }
}
