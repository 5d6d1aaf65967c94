// Open vSwitch's userspace datapath with VXLAN on one host, as its guide has it: a bridge with the tenant's port and
// the tunnel, and a bridge with a network card of its own, whose local port has the tunnel's address. The card is one
// more link to the host's leaf, so that Open vSwitch takes no packets from other peers. Pure: what to run where.
import { VXLAN_OVERHEAD_BYTES } from '../../lab/addressing.ts';

/** How it reads and writes interfaces. */
export type PortType = 'system' | 'afxdp';

interface Numbers {
  /** Begins the names of its interfaces. */
  readonly prefix: string;
  readonly vni: number;
  readonly hostByte: number;
  readonly gatewayByte: number;
}

/** Apart from each other, so that both can be attached. */
const NUMBERS: Readonly<Record<PortType, Numbers>> = {
  system: { prefix: 'ov', vni: 79, hostByte: 101, gatewayByte: 253 },
  afxdp: { prefix: 'ox', vni: 80, hostByte: 102, gatewayByte: 252 },
};

export interface OvsEnd {
  readonly host: string;
  readonly leaf: string;
  readonly tenant: string;
  /** The host's address in the fabric, and that of the host at the other end. */
  readonly address: string;
  readonly remoteAddress: string;
  /** The last byte of the tenant's address. */
  readonly tenantByte: number;
}

export interface OvsPlan {
  readonly tenantInterface: string;
  readonly tenantAddress: string;
  /** `ip` lines that make the cables, in the host's namespace. */
  readonly cables: readonly string[];
  readonly leaf: readonly string[];
  readonly tenant: readonly string[];
  /** Arguments of ovs-vsctl. */
  readonly configuration: readonly string[];
  /** `ip` lines for the host, when its bridges are there. */
  readonly host: readonly string[];
}

export function openVswitchPlan(
  end: OvsEnd,
  type: PortType,
  mtu: number,
  netns: (node: string) => string,
): OvsPlan {
  const { prefix, vni, hostByte, gatewayByte } = NUMBERS[type];
  const card = `${prefix}card`;
  const port = `${prefix}port`;
  const bridge = `${prefix}int`;
  const outer = `${prefix}phy`;
  const tenantInterface = `${prefix}0`;
  const leafInterface = `${prefix}${end.host}`;
  const tenantAddress = `192.168.${vni}.${end.tenantByte}`;
  const tenantMtu = mtu - VXLAN_OVERHEAD_BYTES;
  const vtep = withLastByte(end.address, hostByte);
  const remoteVtep = withLastByte(end.remoteAddress, hostByte);
  const gateway = withLastByte(end.address, gatewayByte);
  return {
    tenantInterface,
    tenantAddress,
    cables: [
      `link add name ${card} mtu ${mtu} type veth peer name ${leafInterface} mtu ${mtu} netns ${netns(end.leaf)}`,
      `link add name ${port} mtu ${tenantMtu} type veth peer name ${tenantInterface} mtu ${tenantMtu} netns ${netns(end.tenant)}`,
      `link set dev ${card} up`,
      `link set dev ${port} up`,
    ],
    leaf: [`address add ${gateway} peer ${vtep}/32 dev ${leafInterface}`, `link set dev ${leafInterface} up`],
    tenant: [`address add ${tenantAddress}/24 dev ${tenantInterface}`, `link set dev ${tenantInterface} up`],
    configuration: configuration({ outer, bridge, card, port, type, remoteVtep, vni }),
    host: [
      // Open vSwitch looks for an address in the gateway's subnet; the kernel must not send others' packets there.
      `address add ${vtep}/24 dev ${outer} noprefixroute`,
      `link set dev ${outer} up`,
      `link set dev ${bridge} up`,
      `route add ${gateway}/32 dev ${outer}`,
      `route add ${remoteVtep}/32 via ${gateway} dev ${outer} src ${vtep}`,
    ],
  };
}

interface Names {
  readonly outer: string;
  readonly bridge: string;
  readonly card: string;
  readonly port: string;
  readonly type: PortType;
  readonly remoteVtep: string;
  readonly vni: number;
}

function configuration({ outer, bridge, card, port, type, remoteVtep, vni }: Names): string[] {
  const addBridge = (name: string) => [
    ...['--', 'add-br', name],
    ...['--', 'set', 'bridge', name, 'datapath_type=netdev'],
  ];
  const addPort = (on: string, name: string, ...settings: string[]) => [
    ...['--', 'add-port', on, name],
    ...(settings.length === 0 ? [] : ['--', 'set', 'interface', name, ...settings]),
  ];
  const portSettings = type === 'afxdp' ? ['type=afxdp'] : [];
  return [
    ...addBridge(outer),
    ...addPort(outer, card, ...portSettings),
    ...addBridge(bridge),
    ...addPort(bridge, port, ...portSettings),
    ...addPort(bridge, `${bridge}vx`, 'type=vxlan', `options:remote_ip=${remoteVtep}`, `options:key=${vni}`),
  ];
}

function withLastByte(address: string, byte: number): string {
  return address.replace(/\d+$/, String(byte));
}
