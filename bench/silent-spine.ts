// Makes a spine lose packets, or vanish without a word, and brings it back: of what arrives at it or from it some or all
// is dropped, while all its links stay up.
import { SelvageError } from '../src/base/errors.ts';
import { allPathsHealthy } from './peers/selvage.ts';
import type { Testbed } from './testbed.ts';

const RECOVERY_PATIENCE_MILLIS = 15_000;

/** The links of the client's leaf first: from there on nothing of its traffic passes. */
export async function silenceSpine({ lab, clientLeaf }: Testbed, spine: string): Promise<void> {
  for (const name of linksOf(lab, spine, clientLeaf)) await lab.setLink(name, { blackhole: 'both' });
}

/** Of what the client's leaf and the spine send each other, so much is lost. */
export async function loseAtSpine(
  { lab, clientLeaf }: Testbed,
  spine: string,
  lossPpm: number,
): Promise<void> {
  await lab.setLink(`${clientLeaf}-${spine}`, { lossPpm });
}

/** Resolves when Selvage uses all of its paths again, so that whoever comes next finds it as it was. */
export async function healSpine(testbed: Testbed, spine: string): Promise<void> {
  const { lab, clientLeaf } = testbed;
  for (const name of linksOf(lab, spine, clientLeaf)) await lab.resetLink(name);
  if (await allPathsHealthy(testbed, RECOVERY_PATIENCE_MILLIS)) return;
  throw new SelvageError(
    'failed',
    `Selvage did not return to the paths over ${spine} after it had recovered.`,
  );
}

function linksOf({ topology }: Testbed['lab'], spine: string, first: string): string[] {
  const leaves = topology.racks.map(({ leaf }) => leaf);
  const ordered = [first, ...leaves.filter((leaf) => leaf !== first)];
  return ordered.map((leaf) => `${leaf}-${spine}`);
}
