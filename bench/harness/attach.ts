// Attaches peers that may need programs this machine cannot get: those are left out, and what to install is said.
import { SelvageError } from '../../src/base/errors.ts';
import type { Peer } from '../peers/peer.ts';
import type { Progress } from '../testbed.ts';

export interface Attached {
  readonly peers: readonly Peer[];
  /** Why peers are missing, a sentence each. */
  readonly missing: readonly string[];
}

/** One after the other. */
export async function attachPeers(
  attaching: readonly (readonly [title: string, attach: () => Promise<Peer>])[],
  progress: Progress,
): Promise<Attached> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  for (const [title, attach] of attaching) {
    progress(`Attaching ${title} …`);
    try {
      peers.push(await attach());
    } catch (thrown) {
      if (!(thrown instanceof SelvageError) || thrown.code !== 'no-program') throw thrown;
      missing.push(`Without ${title}: ${thrown.message} ${thrown.hint ?? ''}`.trimEnd());
      progress(missing.at(-1)!);
    }
  }
  return { peers, missing };
}
