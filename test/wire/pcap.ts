// A capture file of Ethernet frames, for programs that read such files (pcap, draft-ietf-opsawg-pcap).

const MAGIC_MICROS = 0xa1b2c3d4;
const LINKTYPE_ETHERNET = 1;

export function writeCapture(frames: readonly Uint8Array[]): Uint8Array {
  const total = frames.reduce((sum, frame) => sum + 16 + frame.length, 24);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  const header = [MAGIC_MICROS, (2 << 16) | 4, 0, 0, 0x10000, LINKTYPE_ETHERNET];
  for (const [i, word] of header.entries()) view.setUint32(4 * i, word);
  let at = 24;
  for (const [i, frame] of frames.entries()) {
    view.setUint32(at, i);
    view.setUint32(at + 8, frame.length);
    view.setUint32(at + 12, frame.length);
    file.set(frame, at + 16);
    at += 16 + frame.length;
  }
  return file;
}
