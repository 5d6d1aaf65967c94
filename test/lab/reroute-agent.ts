// A process with rerouting's programs on one device of a namespace: sends all flows to one destination by one port, unless
// it is told to begin with an empty table. Beats as long as it lives.

import type { TcHook } from '../../src/linux/bpf/tc.ts';
import { inNetns } from '../../src/linux/netns.ts';
import { FORM_BITMAP } from '../../src/paths/reroute/fast-select.ts';
import { FastMaps } from '../../src/reroute/fast-maps.ts';
import { KernelHalf } from '../../src/reroute/kernel-half.ts';
import { asIpv6 } from '../../src/wire/address.ts';
import { CABLE, hostAddress } from './reroute-hosts.ts';

const [netns, index, port, local, peer, hook, staleMillis, table] = process.argv.slice(2) as string[];
const say = (line: string) => process.stdout.write(`${line}\n`);
const nowMicros = () => Number(process.hrtime.bigint() / 1000n);

const kernel = inNetns(
  netns,
  () =>
    new KernelHalf({
      devices: [{ name: CABLE, index: Number(index) }],
      port: Number(port),
      locals: [hostAddress(local!)],
      hook: hook as TcHook,
      staleMicros: Number(staleMillis) * 1000,
    }),
);
if (kernel.hasTakenOver) say('took over');
const maps = new FastMaps(kernel, nowMicros());
if (table !== 'empty') {
  maps.store(0, 1 << 5, 0);
  maps.place(asIpv6(hostAddress(peer!)), {
    form: FORM_BITMAP,
    basePort: 10_000,
    homes: 32,
    unit: 0,
  });
}
setInterval(() => {
  maps.beat(nowMicros());
  maps.lookAtActivity((destination, used) => say(`used ${destination} ${used}`));
}, 20);
process.on('SIGTERM', () => {
  inNetns(netns, () => kernel.close());
  process.exit(0);
});
say('ready');
