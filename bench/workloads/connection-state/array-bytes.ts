// How many bytes of typed arrays an object holds, directly or through others.

/** `without`: objects and buffers that do not count. */
export function arrayBytes(root: object, without: readonly object[]): number {
  const seen = new Set<object>(without);
  const waiting: object[] = [root];
  let bytes = 0;
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    waiting.push(value);
  };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (ArrayBuffer.isView(next)) visit(next.buffer);
    else if (next instanceof ArrayBuffer || next instanceof SharedArrayBuffer) bytes += next.byteLength;
    else if (next instanceof Map) for (const entry of next) entry.forEach(visit);
    else if (next instanceof Set || Array.isArray(next)) next.forEach(visit);
    else Object.values(next).forEach(visit);
  }
  return bytes;
}
