// A trace as curves over time: in a terminal of any width, or as an SVG that needs nothing else.
import { bytes, micros } from './quantities.ts';

export interface TraceSample {
  readonly atSeconds: number;
  readonly cwndBytes: number;
  /** Since the connection began. */
  readonly sentBytes: number;
  readonly rttMicros: number;
  readonly fabricMicros: number;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [atSeconds: number, value: number])[];
  readonly format: (value: number) => string;
}

const COLUMNS = 72;
const ROWS = 6;
const BLOCKS = ' ▁▂▃▄▅▆▇█';
const WIDTH = 800;
const HEIGHT = 140;
const LEFT = 90;
const TOP = 24;

export function curvesOf(samples: readonly TraceSample[]): readonly Curve[] {
  const least = samples.reduce(
    (smallest, { fabricMicros }) => (fabricMicros > 0 ? Math.min(smallest, fabricMicros) : smallest),
    Number.POSITIVE_INFINITY,
  );
  const rates = samples.slice(1).map(({ atSeconds, sentBytes }, i) => {
    const before = samples[i]!;
    return [atSeconds, (sentBytes - before.sentBytes) / (atSeconds - before.atSeconds)] as const;
  });
  const over = (value: (sample: TraceSample) => number) =>
    samples.map((sample) => [sample.atSeconds, value(sample)] as const);
  return [
    { name: 'window', points: over(({ cwndBytes }) => cwndBytes), format: bytes },
    { name: 'rate', points: rates, format: (rate) => `${((rate * 8) / 1e6).toFixed(1)} Mbit/s` },
    { name: 'round trip', points: over(({ rttMicros }) => rttMicros), format: micros },
    {
      name: 'queueing',
      points: over(({ fabricMicros }) => Math.max(0, fabricMicros - least)),
      format: micros,
    },
  ];
}

export function renderTrace(title: string, curves: readonly Curve[]): string {
  const end = curves[0]?.points.at(-1)?.[0] ?? 0;
  if (curves.every(({ points }) => mostOf(points) === 0))
    return `${title}\n\nNothing was sent in these ${end.toFixed(1)} s, so there is nothing to draw.`;
  const charts = curves.map(({ name, points, format }) => {
    const most = mostOf(points);
    const columns = columnsOf(points);
    const lines = Array.from({ length: ROWS }, (_, row) =>
      columns.map((value) => block(most === 0 ? 0 : (value / most) * ROWS - (ROWS - 1 - row))).join(''),
    );
    const last = points.at(-1)?.[1] ?? 0;
    return [`${name}: ${format(last)} at the end, ${format(most)} at most`, ...lines].join('\n');
  });
  return [title, ...charts, `0 s${`${end.toFixed(1)} s`.padStart(COLUMNS - 3)}`].join('\n\n');
}

export function traceSvg(title: string, curves: readonly Curve[]): string {
  const height = TOP + curves.length * HEIGHT;
  const end = Math.max(...curves.map(({ points }) => points.at(-1)?.[0] ?? 0), 1e-9);
  const charts = curves.map(({ name, points, format }, i) => {
    const bottom = TOP + (i + 1) * HEIGHT - 20;
    const most = mostOf(points);
    const path = points.map(([at, value]) => {
      const x = LEFT + (at / end) * (WIDTH - LEFT - 10);
      const y = bottom - (most === 0 ? 0 : value / most) * (HEIGHT - 40);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
    return [
      `<line x1="${LEFT}" y1="${bottom}" x2="${WIDTH - 10}" y2="${bottom}" stroke="#999"/>`,
      `<text x="4" y="${bottom - HEIGHT / 2 + 20}">${name}</text>`,
      `<text x="${LEFT}" y="${bottom - HEIGHT + 34}" fill="#666">${format(most)}</text>`,
      `<polyline fill="none" stroke="#2563eb" stroke-width="1.5" points="${path.join(' ')}"/>`,
    ].join('\n');
  });
  const opening = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height + 20}" font-family="sans-serif" font-size="12">`;
  const axis = `<text x="${WIDTH - 60}" y="${height + 12}">${end.toFixed(1)} s</text>`;
  return [
    opening,
    `<text x="4" y="16" font-weight="bold">${title.replace(/[<&]/g, '?')}</text>`,
    ...charts,
    axis,
    '</svg>',
    '',
  ].join('\n');
}

function mostOf(points: Curve['points']): number {
  return points.reduce((most, [, value]) => Math.max(most, value), 0);
}

/** The largest value of each column's time; one without a sample has the value before. */
function columnsOf(points: Curve['points']): readonly number[] {
  const end = points.at(-1)?.[0] ?? 0;
  const columns = new Array<number>(COLUMNS).fill(Number.NaN);
  for (const [at, value] of points) {
    const column = Math.min(COLUMNS - 1, Math.floor((at / Math.max(end, 1e-9)) * COLUMNS));
    columns[column] = Math.max(columns[column]! || 0, value);
  }
  let last = points[0]?.[1] ?? 0;
  return columns.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
}

/** A cell that is filled up to this part of it. */
function block(part: number): string {
  return BLOCKS[Math.round(Math.max(0, Math.min(1, part)) * (BLOCKS.length - 1))]!;
}
