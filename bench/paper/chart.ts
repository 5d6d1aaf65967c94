// Charts as SVG: curves, or groups of bars, with axes, a legend above, and whiskers from the smallest to the largest of
// several rounds. A chart is data; equal data gives equal text.
import { linearScale, logScale, type Scale } from './scale.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly yScale?: 'linear' | 'log';
  /** Bars in groups, named here; a point's x is the number of its group. Absent: curves. */
  readonly groups?: readonly string[];
  readonly series: readonly ChartSeries[];
}

const WIDTH = 720;
const HEIGHT = 380;
const LEFT = 78;
const RIGHT = WIDTH - 20;
const TOP = 72;
const BOTTOM = HEIGHT - 58;
const LEGEND_LINE = 18;
const GROUP_FILL = 0.8;
/** More points are a curve without marks. */
const MOST_MARKS = 12;

const INK = '#1f2933';
const FAINT = '#d9dee4';
const MUTED = '#5b6773';
/** Selvage is always the same; the others in their order. */
const OWN_COLOR = '#0b6e4f';
const COLORS = ['#c8553d', '#dd9a2b', '#3d6fa5', '#7a5195', '#8a9199', '#2a9d8f', '#a05c3b'];

interface Plot {
  readonly chart: Chart;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  readonly color: (index: number) => string;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

export function renderChart(chart: Chart): string {
  const plot = plotOf(chart);
  const body = chart.groups === undefined ? curves(plot) : bars(plot);
  const { marks, lines } = legend(plot);
  const more = (lines - 1) * LEGEND_LINE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT + more}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escaped(chart.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT + more}" fill="#fff"/>`,
    text(LEFT, 24, chart.title, 'start', 'font-size="16" font-weight="600"'),
    ...marks,
    ...lower(more, [...axes(plot), ...body]),
    '</svg>',
    '',
  ].join('\n');
}

function plotOf(chart: Chart): Plot {
  const points = chart.series.flatMap(({ points }) => points);
  const ys = points.flatMap(({ y, low = y, high = y }) => [y, low, high]);
  const yScale = chart.yScale === 'log' ? logScale(ys) : linearScale(ys);
  const xScale = xScaleOf(chart, points);
  const others = chart.series.filter(({ name }) => !isOwn(name));
  return {
    chart,
    xTicks: xScale.ticks,
    yTicks: yScale.ticks,
    color: (index) => {
      const { name } = chart.series[index]!;
      return isOwn(name)
        ? OWN_COLOR
        : COLORS[others.findIndex((other) => other.name === name) % COLORS.length]!;
    },
    x: (value) => LEFT + xScale.at(value) * (RIGHT - LEFT),
    y: (value) => BOTTOM - yScale.at(value) * (BOTTOM - TOP),
  };
}

/** Groups have a place of equal width each. */
function xScaleOf({ groups }: Chart, points: readonly Point[]): Scale {
  if (groups !== undefined) return { ticks: [], at: (value) => (value + 0.5) / groups.length };
  return linearScale(points.map(({ x }) => x));
}

function isOwn(name: string): boolean {
  return name === 'Selvage';
}

/** Above the rest, in as many lines as it needs. */
function legend({ chart, color }: Plot): { marks: string[]; lines: number } {
  let x = LEFT;
  let y = 40;
  const marks = chart.series.flatMap(({ name }, index) => {
    const width = 34 + name.length * 7.6;
    if (x > LEFT && x + width > WIDTH) {
      x = LEFT;
      y += LEGEND_LINE;
    }
    const at = x;
    x += width;
    return [
      `<rect x="${num(at)}" y="${y}" width="12" height="12" rx="2" fill="${color(index)}"/>`,
      text(at + 17, y + 11, name, 'start'),
    ];
  });
  return { marks, lines: 1 + (y - 40) / LEGEND_LINE };
}

function lower(by: number, elements: readonly string[]): readonly string[] {
  return by === 0 ? elements : [`<g transform="translate(0 ${by})">`, ...elements, '</g>'];
}

function axes({ chart, xTicks, yTicks, x, y }: Plot): string[] {
  const horizontal = yTicks.flatMap((tick) => [
    `<line x1="${LEFT}" x2="${RIGHT}" y1="${num(y(tick))}" y2="${num(y(tick))}" stroke="${FAINT}"/>`,
    text(LEFT - 8, y(tick) + 4, tickText(tick), 'end', `fill="${MUTED}"`),
  ]);
  const marks =
    chart.groups?.map((name, index) => [index, name] as const) ??
    xTicks.map((tick) => [tick, tickText(tick)] as const);
  const middle = (TOP + BOTTOM) / 2;
  return [
    ...horizontal,
    ...marks.map(([at, name]) => text(x(at), BOTTOM + 20, name, 'middle', `fill="${MUTED}"`)),
    `<line x1="${LEFT}" x2="${RIGHT}" y1="${BOTTOM}" y2="${BOTTOM}" stroke="${INK}"/>`,
    text((LEFT + RIGHT) / 2, HEIGHT - 14, chart.xLabel, 'middle'),
    text(18, middle, chart.yLabel, 'middle', `transform="rotate(-90 18 ${middle})"`),
  ];
}

function curves({ chart, color, x, y }: Plot): string[] {
  return chart.series.flatMap(({ points }, index) => {
    const line = points.map((point) => `${num(x(point.x))},${num(y(point.y))}`).join(' ');
    const marks = points.length > MOST_MARKS ? [] : points;
    return [
      `<polyline points="${line}" fill="none" stroke="${color(index)}" stroke-width="2" stroke-linejoin="round"/>`,
      ...marks.flatMap((point) => [
        ...whisker(x(point.x), point, y, color(index)),
        `<circle cx="${num(x(point.x))}" cy="${num(y(point.y))}" r="3.2" fill="${color(index)}"/>`,
      ]),
    ];
  });
}

function bars({ chart, color, x, y }: Plot): string[] {
  const groupWidth = ((RIGHT - LEFT) / chart.groups!.length) * GROUP_FILL;
  const width = groupWidth / chart.series.length;
  return chart.series.flatMap(({ points }, index) =>
    points.flatMap((point) => {
      const left = x(point.x) - groupWidth / 2 + index * width;
      const top = y(point.y);
      return [
        `<rect x="${num(left)}" y="${num(top)}" width="${num(width * 0.92)}" height="${num(BOTTOM - top)}" rx="1.5" fill="${color(index)}"/>`,
        ...whisker(left + width * 0.46, point, y, INK),
      ];
    }),
  );
}

function whisker(x: number, { low, high }: Point, y: (value: number) => number, color: string): string[] {
  if (low === undefined || high === undefined || low === high) return [];
  return [
    `<line x1="${num(x)}" x2="${num(x)}" y1="${num(y(low))}" y2="${num(y(high))}" stroke="${color}" stroke-opacity="0.7"/>`,
  ];
}

function text(x: number, y: number, words: string, anchor: string, rest = ''): string {
  return `<text x="${num(x)}" y="${num(y)}" text-anchor="${anchor}"${rest === '' ? '' : ` ${rest}`}>${escaped(words)}</text>`;
}

function tickText(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}

function num(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
