// Capture files, written for programs that read them and read back from those that write them.

import { LINKTYPE_ETHERNET, PcapWriter, pcapFileHeader } from '../../src/device/pcap.ts';

const MAGIC_MICROSECONDS = 0xa1b2c3d4;

/** A file of Ethernet frames, a second apart. */
export function writeCapture(frames: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [pcapFileHeader(LINKTYPE_ETHERNET)];
  let seconds = 0;
  const sink = (bytes: Uint8Array) => parts.push(bytes.slice());
  const writer = new PcapWriter(sink, () => seconds++ * 1e6);
  for (const frame of frames) writer.record(frame, new Uint8Array(0));
  writer.flush();
  return Buffer.concat(parts);
}

export interface Capture {
  readonly linkType: number;
  readonly records: readonly { readonly epochMicros: number; readonly bytes: Uint8Array }[];
}

/** Throws unless the file is whole. */
export function readCapture(file: Uint8Array): Capture {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0) !== MAGIC_MICROSECONDS) throw new Error('not a capture file in microseconds');
  const records: { epochMicros: number; bytes: Uint8Array }[] = [];
  let at = 24;
  while (at < file.length) {
    const length = view.getUint32(at + 8);
    if (view.getUint32(at + 12) !== length || at + 16 + length > file.length) throw new Error('cut off');
    const epochMicros = view.getUint32(at) * 1e6 + view.getUint32(at + 4);
    records.push({ epochMicros, bytes: Uint8Array.from(file.subarray(at + 16, at + 16 + length)) });
    at += 16 + length;
  }
  return { linkType: view.getUint32(20), records };
}
