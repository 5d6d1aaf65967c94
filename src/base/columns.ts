// Columns of tables: typed arrays of one value a row, which are made anew when the rows become more.

export type Column = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array;

/** `larger`, with the values of `old` in front. */
export function grown<T extends Column>(larger: T, old: Column | undefined): T {
  if (old !== undefined) larger.set(old);
  return larger;
}

type ColumnType = { new (length: number): Column };
export type Columns<Shape extends Readonly<Record<string, ColumnType>>> = {
  [Name in keyof Shape]: InstanceType<Shape[Name]>;
};

/** A column for each name of `shape`, of so many rows, with the values of `old` in front. */
export function columnsOf<Shape extends Readonly<Record<string, ColumnType>>>(
  shape: Shape,
  rows: number,
  old?: Columns<Shape>,
): Columns<Shape> {
  const columns = Object.entries(shape).map(([name, Type]) => [name, grown(new Type(rows), old?.[name])]);
  return Object.fromEntries(columns);
}

/** Zero in every column of a row. */
export function clearRow(columns: Readonly<Record<string, Column>>, row: number): void {
  for (const column of Object.values(columns)) column[row] = 0;
}
