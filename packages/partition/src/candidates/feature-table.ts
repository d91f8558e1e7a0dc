/**
 * Features of some arms side by side, each column scaled so that its largest value is 1. Columns that are the same for all
 * of them tell none from another and are left out.
 */
export interface FeatureTable {
  readonly numRows: number;
  readonly numColumns: number;
  /** Row by row. */
  readonly values: Float64Array;
  /** 1 for columns that hold nothing but 0 and 1. */
  readonly isBinary: Uint8Array;
  /** 1 for rows whose features were all finite and not negative; the others hold zeros. */
  readonly isUsable: Uint8Array;
}

interface Column {
  readonly feature: number;
  /** Its largest value. */
  readonly scale: number;
  readonly isBinary: boolean;
}

export function tableOf(rows: readonly ArrayLike<number>[]): FeatureTable {
  const numFeatures = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const isUsable = Uint8Array.from(rows, (row) => Number(isCosts(row)));
  const columns: Column[] = [];
  for (let feature = 0; feature < numFeatures; feature++) {
    const column = columnOf(rows, isUsable, feature);
    if (column !== undefined) columns.push(column);
  }
  const values = new Float64Array(rows.length * columns.length);
  let place = 0;
  for (const [index, row] of rows.entries()) {
    for (const { feature, scale } of columns) values[place++] = isUsable[index] === 1 ? (row[feature] ?? 0) / scale : 0;
  }
  return {
    numRows: rows.length,
    numColumns: columns.length,
    values,
    isBinary: Uint8Array.from(columns, ({ isBinary }) => Number(isBinary)),
    isUsable,
  };
}

function columnOf(rows: readonly ArrayLike<number>[], isUsable: Uint8Array, feature: number): Column | undefined {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  let leastAboveZero = Number.POSITIVE_INFINITY;
  for (const [index, row] of rows.entries()) {
    if (isUsable[index] === 0) continue;
    const value = row[feature] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
    if (value > 0 && value < leastAboveZero) leastAboveZero = value;
  }
  return most > least ? { feature, scale: most, isBinary: leastAboveZero === most } : undefined;
}

function isCosts(row: ArrayLike<number>): boolean {
  for (let feature = 0; feature < row.length; feature++) {
    const value = row[feature] ?? Number.NaN;
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return false;
  }
  return true;
}
