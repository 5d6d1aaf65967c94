// Columns of tables: typed arrays of one value a row, which are made anew when the rows become more.

export type Column = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array;

/** `larger`, with the values of `old` in front. */
export function grown<T extends Column>(larger: T, old: Column | undefined): T {
  if (old !== undefined) larger.set(old);
  return larger;
}
