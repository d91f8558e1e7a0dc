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

export function tableOf(rows: readonly ArrayLike<number>[]): FeatureTable {
  const numFeatures = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const isUsable = Uint8Array.from(rows, (row) => (Array.from(row).every(isCost) ? 1 : 0));
  const columns: { readonly feature: number; readonly scale: number; readonly isBinary: boolean }[] = [];
  for (let feature = 0; feature < numFeatures; feature++) {
    const values = rows.flatMap((row, index) => (isUsable[index] === 1 ? [row[feature] ?? 0] : []));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (!(most > least)) continue;
    columns.push({ feature, scale: most, isBinary: values.every((value) => value === 0 || value === most) });
  }
  const values = new Float64Array(rows.length * columns.length);
  for (const [index, row] of rows.entries()) {
    if (isUsable[index] === 0) continue;
    for (const [column, { feature, scale }] of columns.entries()) {
      values[index * columns.length + column] = (row[feature] ?? 0) / scale;
    }
  }
  return {
    numRows: rows.length,
    numColumns: columns.length,
    values,
    isBinary: Uint8Array.from(columns, ({ isBinary }) => (isBinary ? 1 : 0)),
    isUsable,
  };
}

function isCost(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}
