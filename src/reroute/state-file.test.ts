import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StateFile } from './state-file.ts';

const owner = { address: '10.0.1.1', port: 8472, basePort: 10_000, role: 1 };
const core = { version: 1, processId: 7, peers: [] };
const MINUTE = 60e6;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what was written is read by whoever is the same', async () => {
  await new StateFile(folder, 'vxlan0').write(owner, core, MINUTE);
  expect(readdirSync(folder)).toEqual(['reroute-vxlan0.json']);
  const file = new StateFile(folder, 'vxlan0');
  expect(file.read(owner, 2 * MINUTE)).toEqual(core);
  expect(file.read({ ...owner, address: '10.0.1.2' }, 2 * MINUTE)).toBeUndefined();
  expect(file.read({ ...owner, role: 3 }, 2 * MINUTE)).toBeUndefined();
  expect(new StateFile(folder, 'other').read(owner, 2 * MINUTE)).toBeUndefined();
});

test('what is old, of another boot or no state at all is nothing', async () => {
  const file = new StateFile(folder, 'vxlan0');
  await file.write(owner, core, 10 * MINUTE);
  expect(file.read(owner, 16 * MINUTE)).toBeUndefined();
  expect(file.read(owner, MINUTE)).toBeUndefined();
  await file.write(owner, { ...core, version: 99 }, MINUTE);
  expect(file.read(owner, MINUTE)).toBeUndefined();
  for (const text of ['', '{', 'null', '[]', '{"at":"x"}']) {
    writeFileSync(join(folder, 'reroute-vxlan0.json'), text);
    expect(file.read(owner, MINUTE)).toBeUndefined();
  }
});

test('a folder that cannot be written is no failure', async () => {
  await new StateFile('/proc/nowhere', 'vxlan0').write(owner, core, MINUTE);
});
