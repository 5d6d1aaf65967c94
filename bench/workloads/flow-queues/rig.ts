// The real switch between two vNICs that are memory, in one process: one sends flows to the other.
import { SeededRng } from '../../../src/base/rng.ts';
import type { UnderlayDevice } from '../../../src/packet/device.ts';
import { localMemory, Region } from '../../../src/packet/region.ts';
import { ChunkWriter } from '../../../src/packet/writer.ts';
import type { SwitchConfig } from '../../../src/vswitch/config.ts';
import { Switch } from '../../../src/vswitch/switch.ts';
import { parseIpv4, parseMac, writeMac } from '../../../src/wire/address.ts';
import { FRAME_BYTES, type RigOptions, RigVnic } from './rig-vnic.ts';

const CHUNKS = 512;
const SENDER = { mac: parseMac('02:00:00:00:94:01')!, address: parseIpv4('192.168.94.1')! };
const RECEIVER = { mac: parseMac('02:00:00:00:94:02')!, address: parseIpv4('192.168.94.2')! };
const UNDERLAY: UnderlayDevice = {
  rx: () => true,
  tx: () => {},
  bindSlot: () => {},
  hasPort: () => true,
  dropped: 0,
};

export class Rig {
  readonly vswitch: Switch;
  readonly sender: RigVnic;
  readonly receiver: RigVnic;

  constructor(config: Pick<SwitchConfig, 'pauses' | 'receive'>, receiver: RigOptions) {
    const region = new Region(localMemory(CHUNKS));
    const memory = { region, writer: new ChunkWriter(region, CHUNKS / 4) };
    this.sender = new RigVnic(memory, frameTemplate(), { queues: 0, room: 1 });
    this.receiver = new RigVnic(memory, frameTemplate(), receiver);
    const port = (name: string, { mac, address }: typeof SENDER) => {
      return { name, mac, ipv4: [address], ipv6: [], sourceCheck: true };
    };
    const ports = [port('sender', SENDER), port('receiver', RECEIVER)];
    const networks = [{ vni: 94, reliable: true, ports, remotes: [] }];
    this.vswitch = new Switch(
      { datagramBytes: 1472, windowPackets: 512, threadId: 0, networks, ...config },
      {
        region,
        rng: new SeededRng(1),
        nowMicros: 0,
        devices: [this.sender, this.receiver],
        underlay: UNDERLAY,
      },
    );
  }

  /** Frames that were dropped, whatever the reason. */
  get drops(): number {
    return Object.values(this.vswitch.counters.dropped).reduce((sum, count) => sum + count, 0);
  }
}

function frameTemplate(): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES);
  const view = new DataView(frame.buffer);
  const ethernet = 10;
  const ip = ethernet + 14;
  const udp = ip + 20;
  writeMac(view, ethernet, RECEIVER.mac);
  writeMac(view, ethernet + 6, SENDER.mac);
  view.setUint16(ethernet + 12, 0x0800);
  view.setUint8(ip, 0x45);
  view.setUint16(ip + 2, FRAME_BYTES - ip);
  view.setUint8(ip + 8, 64);
  view.setUint8(ip + 9, 17);
  view.setUint32(ip + 12, SENDER.address);
  view.setUint32(ip + 16, RECEIVER.address);
  view.setUint16(udp + 2, 9400);
  view.setUint16(udp + 4, FRAME_BYTES - udp);
  return frame;
}
