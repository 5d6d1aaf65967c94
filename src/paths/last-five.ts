// The last five results of a path, as bits with the newest in bit 0, 1 for a failure: three of them, and the path is left
// (ZooRoute §8).

const BITS = 0b11111;
const FAILURES = 3;

export function remember(results: number, isFailure: boolean): number {
  return ((results << 1) | (isFailure ? 1 : 0)) & BITS;
}

export function areBad(results: number): boolean {
  let failures = 0;
  for (let rest = results; rest !== 0; rest &= rest - 1) failures++;
  return failures >= FAILURES;
}
