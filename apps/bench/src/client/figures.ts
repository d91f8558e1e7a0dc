/** The figures of the bench, in the order of its table, and what is asked of each. */
export const ASKED = Object.freeze({
  localRatio: { most: 1.03 },
  encodeU8MsPerMB: {},
  bytesVsF32: { most: 0.2 },
  bytesVsJpeg: { most: 0.5 },
  top1DropPct: { most: 0.5 },
  top1DropUpperPct: {},
  firstResultRatio: { most: 1.1 },
  secondVisitBytes: { most: 0 },
  weightBytesFetchedPct: { most: 100 },
  switchP95Ratio: { most: 1.1 },
  streamSpeedup: { least: 1.5 },
  heapGrowthPct: { most: 5 },
  gzipKB: { most: 20 },
} as const satisfies Readonly<Record<string, Asked>>);

export interface Asked {
  readonly most?: number;
  readonly least?: number;
}

export type FigureName = keyof typeof ASKED;

export const FIGURE_NAMES = Object.keys(ASKED) as readonly FigureName[]; // its own keys

/** One figure as it was measured; `null` where it could not be, and then the note says why. */
export interface Finding {
  readonly value: number | null;
  readonly note: string;
}

export type Findings = Partial<Readonly<Record<FigureName, Finding>>>;

/** `undefined` where nothing is asked, or nothing was measured. */
export function isMet({ most, least }: Asked, value: number | null): boolean | undefined {
  if (value === null || (most === undefined && least === undefined)) return undefined;
  return value <= (most ?? Number.POSITIVE_INFINITY) && value >= (least ?? Number.NEGATIVE_INFINITY);
}

/** A line per figure: what was asked beside what was measured. */
export function figureTable(findings: Findings): string[] {
  const rows = FIGURE_NAMES.map((name) => {
    const asked: Asked = ASKED[name];
    const { value, note } = findings[name] ?? { value: null, note: 'not asked for' };
    const verdict = { true: 'met', false: 'missed', undefined: '' }[String(isMet(asked, value))] ?? '';
    return row(name, inWords(asked), value === null ? 'null' : String(value), verdict, note);
  });
  return [row('', 'asked', 'measured', '', ''), ...rows];
}

/** Every figure, in order. */
export function valuesOf(findings: Findings): Record<FigureName, number | null> {
  const values = FIGURE_NAMES.map((name) => [name, findings[name]?.value ?? null] as const);
  return Object.fromEntries(values) as Record<FigureName, number | null>; // of every name
}

function inWords({ most, least }: Asked): string {
  if (most !== undefined) return `<= ${most}`;
  return least === undefined ? '' : `>= ${least}`;
}

function row(name: string, asked: string, measured: string, verdict: string, note: string): string {
  return `${name.padEnd(23)}${asked.padEnd(9)}${measured.padStart(9)}  ${verdict.padEnd(8)}${note}`.trimEnd();
}
