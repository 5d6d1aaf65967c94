// Loses packets of the kernel's VXLAN inside the receiving host, between the wire and decapsulation: a share between 0
// and a limit, drawn anew every second. The same that `selvage agent --fault loss=0-2%` does to Selvage.
import type { Lab } from '../../lab/lab.ts';
import { below, type Rng } from '../../src/base/rng.ts';

const CHANGE_MILLIS = 1000;
const KERNEL_VXLAN_PORT = 8472;
const PPM = 1_000_000;
const TABLE = 'inet selvage_inhost';

/** Until the function that it resolves to is called. */
export async function loseInHost(
  lab: Lab,
  host: string,
  mostPpm: number,
  rng: Rng,
): Promise<() => Promise<void>> {
  const nft = (...lines: string[]) => lab.run(host, ['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
  const chain = `${TABLE} arriving`;
  const change = () =>
    nft(
      `flush chain ${chain}`,
      `add rule ${chain} udp dport ${KERNEL_VXLAN_PORT} numgen random mod ${PPM} < ${1 + below(rng, mostPpm)} drop`,
    );
  await nft(`add table ${TABLE}`, `add chain ${chain} { type filter hook prerouting priority -409; }`);
  await change();
  let changing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    changing = changing.then(change);
  }, CHANGE_MILLIS);
  return async () => {
    clearInterval(timer);
    await changing;
    await nft(`delete table ${TABLE}`);
  };
}
