// Loses packets of the kernel's VXLAN inside the receiving host, between the wire and decapsulation: a share between 0
// and a limit, drawn anew every second. The same that `selvage agent --fault loss=0-2%` does to Selvage.
import { KERNEL_VXLAN_PORT } from '../../lab/kernel-vxlan.ts';
import type { Lab } from '../../lab/lab.ts';
import { below, type Rng } from '../../src/base/rng.ts';

const CHANGE_MILLIS = 1000;
const PPM = 1_000_000;
const TABLE = 'inet selvage_inhost';

export interface InHostLoss {
  lostPackets(): Promise<number>;
  heal(): Promise<void>;
}

/** Until it is healed. */
export async function loseInHost(lab: Lab, host: string, mostPpm: number, rng: Rng): Promise<InHostLoss> {
  const nft = (...lines: string[]) => lab.run(host, ['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
  const chain = `${TABLE} arriving`;
  const change = () =>
    nft(
      `flush chain ${chain}`,
      `add rule ${chain} udp dport ${KERNEL_VXLAN_PORT} numgen random mod ${PPM} < ${1 + below(rng, mostPpm)} counter name lost drop`,
    );
  await nft(
    `add table ${TABLE}`,
    `add counter ${TABLE} lost`,
    `add chain ${chain} { type filter hook prerouting priority -409; }`,
  );
  await change();
  let changing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    changing = changing.then(change);
    // What failed is told when the loss is healed.
    changing.catch(() => {});
  }, CHANGE_MILLIS);
  return {
    lostPackets: async () => {
      const { stdout } = await lab.run(host, ['nft', '-j', 'list', 'counter', ...TABLE.split(' '), 'lost']);
      return JSON.parse(stdout).nftables.find((each: object) => 'counter' in each).counter.packets;
    },
    heal: async () => {
      clearInterval(timer);
      await changing;
      await nft(`delete table ${TABLE}`);
    },
  };
}
