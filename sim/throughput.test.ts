// One transfer, receive buffer against loss, over both overlays: a table to be looked at whenever it changes by more
// than a tenth, for better or worse (`vitest --update` writes it anew). The link carries 50 Mbit/s, a round trip takes
// 4 ms: 25 KB fill it.
//
// Plain is the tenants' TCP alone, and theirs is a model without SACK (guest/send-stream.ts): with many losses a
// window, Linux does better than this table says.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultTopology } from '../lab/topology.ts';
import { Cloud, type Overlay } from './cloud.ts';
import { Bulk } from './guest/bulk.ts';

const LINK = { rateBitsPerSecond: 50e6, delayMicros: 2000 };
const RUN_MICROS = 1_000_000;
const BUFFERS_KB = [8, 32, 128] as const;
const LOSS_PERCENT = [0, 0.1, 1, 5] as const;
const OVERLAYS: readonly Overlay[] = ['plain', 'selvage'];

const SNAPSHOT = join(import.meta.dirname, 'snapshots', 'throughput.txt');

function megabits(overlay: Overlay, bufferKilobytes: number, lossPercent: number): number {
  const receiveBufferBytes = bufferKilobytes << 10;
  const cloud = new Cloud({ topology: defaultTopology(), overlay, seed: 1, receiveBufferBytes });
  cloud.fabric.impose('host1-leaf1', { ...LINK, lossPpm: lossPercent * 10_000 });
  const bulk = new Bulk(cloud.clock, cloud.guest('tenant1'), cloud.guest('tenant3'));
  cloud.run(RUN_MICROS);
  return bulk.bitsPerSecond / 1e6;
}

function table(): string {
  const head = ['Mbit/s', ...LOSS_PERCENT.map((loss) => `${loss} %`)];
  const rows = OVERLAYS.flatMap((overlay) =>
    BUFFERS_KB.map((buffer) => [
      `${overlay} ${buffer} KB`,
      ...LOSS_PERCENT.map((loss) => megabits(overlay, buffer, loss).toFixed(0)),
    ]),
  );
  const lines = [head, ...rows].map(([name = '', ...cells]) =>
    [name.padEnd(16), ...cells.map((cell) => cell.padStart(6))].join(''),
  );
  return `${lines.join('\n')}\n`;
}

/** The same but for figures that differ by a tenth, or by 2. */
function isAbout(text: string, kept: string): boolean {
  const words = text.split(/\s+/);
  const keptWords = kept.split(/\s+/);
  return (
    words.length === keptWords.length &&
    words.every((word, i) => {
      const difference = Math.abs(Number(word) - Number(keptWords[i]));
      return word === keptWords[i] || difference <= Math.max(2, Number(keptWords[i]) / 10);
    })
  );
}

test('throughput by receive buffer and loss', async () => {
  const text = table();
  const kept = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
  if (!isAbout(text, kept)) await expect(text).toMatchFileSnapshot(SNAPSHOT);
});
