// The bytes that packets lie in: one buffer seen as octets and through a DataView (network byte order is the
// DataView's default). In the agent this is mmap'ed memory, in the simulator and in tests an ordinary buffer.

export interface Bytes {
  readonly u8: Uint8Array;
  readonly view: DataView;
}

export function bytesOf(source: Uint8Array): Bytes {
  return { u8: source, view: new DataView(source.buffer, source.byteOffset, source.byteLength) };
}

export function allocateBytes(length: number): Bytes {
  return bytesOf(new Uint8Array(length));
}
