// Runs a piece of work while the client's access link loses packets at random, each way.
import type { Testbed } from '../testbed.ts';

/** Packets that were lost meanwhile. The link is as it was before, also when the work fails. */
export async function withLoss(
  { lab, accessLink }: Testbed,
  lossPpm: number,
  work: () => Promise<void>,
): Promise<number> {
  // Without loss the link carries single packets all the same: what is compared is the loss alone.
  await lab.setLink(accessLink, { lossPpm });
  try {
    await work();
    const { aToB, bToA } = (await lab.status()).links.find(({ name }) => name === accessLink)!;
    return aToB.lost + bToA.lost;
  } finally {
    await lab.resetLink(accessLink);
  }
}

export function lossText(lossPpm: number): string {
  return `${lossPpm / 10_000} % loss`;
}
