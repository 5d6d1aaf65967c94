// Tables for a terminal or a file: words to the left, figures to the right.
export interface TableColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
}

export function textTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, column) => {
        const cell = cells[column]!;
        return align === 'left' ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
      })
      .join('  ')
      .trimEnd();
  return lines.map(line).join('\n');
}

/** 41,234 or 0.052: no more digits than mean something. */
export function figure(value: number): string {
  const digits =
    value === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Lines of at most `width`, broken between words. */
export function wrapped(text: string, width = 110): string {
  const pattern = new RegExp(`(?=\\S)(.{1,${width}})(?:\\s+|$)|(\\S+)(?:\\s+|$)`, 'g');
  return [...text.matchAll(pattern)].map(([, line, word]) => (line ?? word)!.trimEnd()).join('\n');
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
