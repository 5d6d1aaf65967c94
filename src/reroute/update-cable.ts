// Updates of the fast table by packets (ZooRoute §5.2): records are batched into packets of type 0x05, and a program at the
// other end of a cable writes them into the states, as a switch would whose processor cannot reach its registers any other
// way. The cable lies in a network namespace that nobody else can enter: whoever can send these owns the table. Here, where
// states are memory of our own, storing them directly is faster still; `bench path-table` has the figures.

import type { Bytes } from '../base/bytes.ts';
import { attachXdp } from '../linux/bpf/xdp.ts';
import { runBatch, runTool, type Tool } from '../linux/ip.ts';
import { inNetns, makeNetns, type PrivateNetns } from '../linux/netns.ts';
import { PacketSocket } from '../linux/packet-socket.ts';
import type { FastTableHolder } from '../paths/reroute/fast-table.ts';
import { UpdateBatch } from '../paths/reroute/updates.ts';
import type { KernelHalf } from './kernel-half.ts';

/** As long as a program of this kind takes in one piece. */
const MTU = 3490;
const ETHERNET_BYTES = 14;
/** IEEE 802's type for local experiments. */
const ETHERTYPE = 0x88b5;
/** Fewer than the far end's ring holds. */
const PACKETS = 64;
const NEAR = 'near';
const FAR = 'far';

export class UpdateCable implements Pick<FastTableHolder, 'store'> {
  /** Packets that the device did not take. */
  refused = 0;
  private readonly kernel: KernelHalf;
  private readonly netns: PrivateNetns;
  private readonly socket: PacketSocket;
  private readonly firstElement: number;
  private readonly batch = new UpdateBatch(MTU, (bytes, length) => this.queue(bytes, length));
  private packets = 0;

  private constructor(kernel: KernelHalf, netns: PrivateNetns, socket: PacketSocket) {
    this.kernel = kernel;
    this.netns = netns;
    this.socket = socket;
    this.firstElement = kernel.settings.half * kernel.maxElements;
  }

  /** `kernel` must be one that takes updates. */
  static async open(kernel: KernelHalf, ip: Tool): Promise<UpdateCable> {
    const netns = makeNetns();
    try {
      await runBatch(
        ip,
        [
          `link add ${NEAR} mtu ${MTU} type veth peer name ${FAR} mtu ${MTU}`,
          `link set dev ${NEAR} up`,
          `link set dev ${FAR} up`,
        ],
        { netns: netns.path },
      );
      const links: { ifname: string; ifindex: number }[] = JSON.parse(
        await runTool(ip, ['-j', 'link', 'show'], { netns: netns.path }),
      );
      const index = (name: string) => links.find(({ ifname }) => ifname === name)!.ifindex;
      const socket = inNetns(netns.path, () => {
        attachXdp(index(FAR), kernel.updatesFd);
        return new PacketSocket(index(NEAR), PACKETS, ETHERNET_BYTES + MTU);
      });
      return new UpdateCable(kernel, netns, socket);
    } catch (thrown) {
      netns.close();
      throw thrown;
    }
  }

  /** Leaves with `flush`, or when many are there. */
  store(element: number, low: number, high: number): void {
    this.batch.store(this.firstElement + element, low, high);
  }

  flush(): void {
    this.batch.end();
    this.send();
  }

  /** Records that the program has written. */
  get taken(): number {
    return this.kernel.settings.counts.updates;
  }

  close(): void {
    this.socket.close();
    this.netns.close();
  }

  private queue({ u8 }: Bytes, length: number): void {
    const { socket, packets } = this;
    const { view } = socket.bytes;
    const at = socket.frameAt(packets);
    view.setUint16(at + ETHERNET_BYTES - 2, ETHERTYPE);
    socket.bytes.u8.set(u8.subarray(0, length), at + ETHERNET_BYTES);
    socket.setLength(packets, ETHERNET_BYTES + length);
    this.packets++;
    if (this.packets === PACKETS) this.send();
  }

  private send(): void {
    this.refused += this.packets - this.socket.send(this.packets);
    this.packets = 0;
  }
}
