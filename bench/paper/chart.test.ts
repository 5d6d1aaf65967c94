// Charts are drawn from their data: axes reach round numbers, bars stand on the axis, words are escaped.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chart, renderChart } from './chart.ts';
import { linearScale, logScale } from './scale.ts';

describe('a linear scale', () => {
  it('has a few round ticks from zero to above the largest value', () => {
    expect(linearScale([0.31, 0.92]).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearScale([17_400]).ticks).toEqual([0, 5000, 10_000, 15_000, 20_000]);
    expect(linearScale([]).ticks.length).toBeGreaterThan(1);
  });

  it('holds every value, whatever they are', () => {
    const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(values, (given) => {
        const { ticks, at } = linearScale(given);
        expect(ticks.length).toBeLessThanOrEqual(10);
        for (const value of given) expect(at(value)).toBeGreaterThanOrEqual(-1e-6);
        for (const value of given) expect(at(value)).toBeLessThanOrEqual(1 + 1e-6);
      }),
    );
  });
});

it('a logarithmic scale has a tick at every power of ten, and zero at its lower end', () => {
  const { ticks, at } = logScale([0.3, 240]);
  expect(ticks).toEqual([0.1, 1, 10, 100, 1000]);
  expect([at(0.1), at(10), at(1000), at(0)]).toEqual([0, 0.5, 1, 0]);
});

describe('a chart', () => {
  const lines: Chart = {
    title: 'GET & <loss>',
    xLabel: 'loss %',
    yLabel: 'p99 ms',
    yScale: 'log',
    series: [
      {
        name: 'kernel VXLAN',
        points: [
          { x: 0, y: 1 },
          { x: 1, y: 200, low: 100, high: 400 },
        ],
      },
      { name: 'Selvage', points: [{ x: 0, y: 2 }] },
    ],
  };

  it('of curves has one for each series, a legend, and its words escaped', () => {
    const svg = renderChart(lines);
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg.match(/<circle/g)).toHaveLength(3);
    expect(svg).toContain('<title>GET &amp; &lt;loss&gt;</title>');
    expect(svg).toContain('>kernel VXLAN</text>');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    expect(renderChart(lines)).toBe(svg);
  });

  it('of groups has a bar for each value, and none where there is none', () => {
    const svg = renderChart({ ...lines, groups: ['1 flow', '4 flows'] });
    // The background, two in the legend, three values.
    expect(svg.match(/<rect/g)).toHaveLength(1 + 2 + 3);
    expect(svg).toContain('>4 flows</text>');
  });

  it('of many series has a legend of several lines, above the rest and within the chart', () => {
    const series = Array.from({ length: 8 }, (_, i) => ({
      name: `a switch of kind ${i}`,
      points: [{ x: 0, y: i }],
    }));
    const svg = renderChart({ ...lines, series });
    const words = [...svg.matchAll(/<text x="([\d.]+)" y="(\d+)"[^>]*>a switch/g)];
    expect(words).toHaveLength(8);
    for (const [, x] of words) expect(Number(x)).toBeLessThan(720 - 100);
    expect(new Set(words.map(([, , y]) => y)).size).toBe(3);
    expect(svg).toContain('viewBox="0 0 720 416"');
    expect(svg).toContain('<g transform="translate(0 36)">');
  });

  it('of nothing is drawn all the same', () => {
    expect(renderChart({ ...lines, series: [] })).not.toMatch(/NaN|Infinity/);
  });
});
