// What captures are called, and what becomes of them where nothing can be written.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { captureNames, fileSink, lineSink, openCaptureFiles } from './capture.ts';

const scratch = mkdtempSync(join(tmpdir(), 'selvage-capture-'));
const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});
afterAll(() => rmSync(scratch, { recursive: true }));

test('a vNIC is called by its namespace and its name, and by a number where that is not enough', () => {
  const names = captureNames([
    { name: 'sel0', netns: undefined },
    { name: 'sel0', netns: '/run/netns/tenant1' },
    { name: 'sel0', netns: '/run/netns/tenant2' },
    { name: 'sel0', netns: '/elsewhere/tenant2' },
  ]);
  expect(names).toEqual(['sel0', 'tenant1-sel0', 'tenant2-sel0', 'tenant2-sel0-2']);
});

test('there is a file for each vNIC and one for the underlay', () => {
  const folder = join(scratch, 'deep', 'down');
  const files = openCaptureFiles(folder, ['sel0', 'underlay'], opened)!;
  expect(readdirSync(folder).sort()).toEqual(['underlay.pcap', 'vnic-sel0.pcap', 'vnic-underlay.pcap']);
  expect(opened).toEqual([...files.vnics, files.underlay]);
  writeSync(files.underlay, 'here');
  expect(readFileSync(join(folder, 'underlay.pcap'), 'latin1')).toMatch(/^\xa1\xb2\xc3\xd4.{20}here$/s);
});

test('a folder that cannot be made is an error with a hint', () => {
  const file = join(scratch, 'file');
  writeFileSync(file, '');
  expect(() => openCaptureFiles(file, [], opened)).toThrowError(
    expect.objectContaining({ code: 'bad-input', hint: expect.stringContaining('--pcap') }),
  );
});

test('a full disk ends a capture with one complaint, and nothing else', () => {
  const full = openSync('/dev/full', 'w');
  opened.push(full);
  const complaints: string[] = [];
  const sink = fileSink(full, (line) => complaints.push(line));
  for (let i = 0; i < 3; i++) sink(new Uint8Array(100));
  expect(complaints).toEqual([expect.stringMatching(/^selvage: a capture file ends here: ENOSPC/)]);
});

test('lines that nobody has room for are counted', () => {
  const file = join(scratch, 'lines');
  // A descriptor that fails until it is opened for writing: the same number, first without the right.
  writeFileSync(file, '');
  const reading = openSync(file, 'r');
  const sink = lineSink(reading);
  sink('one');
  sink('two');
  closeSync(reading);
  const writing = openSync(file, 'w');
  expect(writing).toBe(reading);
  opened.push(writing);
  sink('three');
  sink('four');
  expect(readFileSync(file, 'utf8')).toBe('(2 lines lost)\nthree\nfour\n');
});
