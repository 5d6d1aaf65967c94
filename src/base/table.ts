// Plain text tables: columns as wide as their widest cell, numbers to the right.

export type Cell = string | number;

export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((cells) => String(cells[column] ?? '').length)),
  );
  return lines
    .map((cells) =>
      widths
        .map((width, column) => {
          const isNumber = typeof rows[0]?.[column] === 'number';
          const text = String(cells[column] ?? '');
          return isNumber ? text.padStart(width) : text.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
