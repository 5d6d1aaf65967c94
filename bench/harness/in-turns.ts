// Peers take turns within each round, and each round begins with another one, so that whatever changes on the machine
// meanwhile changes for all.
import type { Contender } from '../peers/peer.ts';
import type { Progress } from '../testbed.ts';

export async function inTurns<P extends Contender>(
  peers: readonly P[],
  rounds: number,
  progress: Progress,
  measure: (peer: P, round: number) => Promise<void>,
): Promise<void> {
  for (const peer of peers) peer.rest?.();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const peer of rotated(peers, round)) {
        progress(`Round ${round + 1} of ${rounds}: ${peer.title} …`);
        peer.wake?.();
        await measure(peer, round);
        peer.rest?.();
      }
    }
  } finally {
    // Who rests cannot hear that it shall end.
    for (const peer of peers) peer.wake?.();
  }
}

export function rotated<T>(items: readonly T[], by: number): T[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
