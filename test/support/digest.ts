// Long lists of frames, compared quickly and told apart in few words.

import { createHash } from 'node:crypto';

/** Length and digest of each. */
export function digests(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => {
    const digest = createHash('sha1').update(frame).digest('hex').slice(0, 12);
    return `${frame.length} bytes ${digest}`;
  });
}

/** One digest of everything, in order. */
export function digest(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest('hex');
}
