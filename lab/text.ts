// Names laid out in columns, and text set in.
const LINE_WIDTH = 100;

/** Names side by side, as many to a line as it has room for. */
export function columns(names: readonly string[]): string {
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const perLine = Math.max(1, Math.floor(LINE_WIDTH / width));
  const lines: string[] = [];
  for (let i = 0; i < names.length; i += perLine) {
    const row = names.slice(i, i + perLine).map((name) => name.padEnd(width));
    lines.push(row.join('').trimEnd());
  }
  return lines.join('\n');
}

export function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
