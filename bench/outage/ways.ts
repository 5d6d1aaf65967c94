// Which ways the systems' traffic takes: counters in the leaves, for each host the packets to and from each spine, and into
// which hash bucket those fall that it sends. A fault that befalls a way that nobody takes shows nothing: where it strikes
// is chosen by these counts.
import { bucketHash } from '../../lab/faults.ts';
import type { Lab } from '../../lab/lab.ts';

/** Of which one breaks in a fault of that kind. */
export const BUCKETS = 8;
const TABLE = 'selvage_ways';
/** Ways that carry less are not in use: probes look at those, too. */
const LEAST_SHARE = 0.03;

/** Packets by key: `up|leaf|spine|host`, `down|leaf|spine|host`, `bucket|leaf|bucket|host`. */
export type Ways = ReadonlyMap<string, number>;

export async function watchWays(lab: Lab): Promise<void> {
  for (const { leaf } of lab.topology.racks) {
    await lab.run(leaf, ['nft', '-f', '-'], { input: `${watchScript(lab).join('\n')}\n` });
  }
}

/** Before what a fault may do to packets that arrive; a spine's interface is named after it. */
function watchScript(lab: Lab): string[] {
  const spines = lab.topology.spines.map((spine) => `"${spine}"`).join(', ');
  return [
    `add table inet ${TABLE}`,
    `add set inet ${TABLE} up { type ifname . ipv4_addr; flags dynamic; size 4096; counter; }`,
    `add set inet ${TABLE} down { type ifname . ipv4_addr; flags dynamic; size 4096; counter; }`,
    `add chain inet ${TABLE} arriving { type filter hook prerouting priority -420; policy accept; }`,
    `add rule inet ${TABLE} arriving iifname { ${spines} } update @down { iifname . ip daddr }`,
    `add chain inet ${TABLE} leaving { type filter hook postrouting priority 420; policy accept; }`,
    `add rule inet ${TABLE} leaving oifname { ${spines} } update @up { oifname . ip saddr }`,
    ...Array.from({ length: BUCKETS }, (_, bucket) => [
      `add set inet ${TABLE} bucket${bucket} { type ipv4_addr; flags dynamic; size 4096; counter; }`,
      `add rule inet ${TABLE} leaving oifname { ${spines} } ${bucketHash('ipv4', BUCKETS)} == ${bucket} ` +
        `update @bucket${bucket} { ip saddr }`,
    ]).flat(),
  ];
}

export async function readWays(lab: Lab): Promise<Ways> {
  const hosts = new Map(
    lab.topology.nodes
      .filter(({ role }) => role === 'host')
      .map(({ name }) => [lab.node(name).address!, name]),
  );
  const ways = new Map<string, number>();
  for (const { leaf } of lab.topology.racks) {
    const { stdout } = await lab.run(leaf, ['nft', '-j', 'list', 'table', 'inet', TABLE]);
    for (const [key, packets] of parseWays(stdout, leaf, hosts)) ways.set(key, packets);
  }
  return ways;
}

interface NftSet {
  readonly name: string;
  readonly elem?: readonly {
    readonly elem: {
      readonly val: string | { readonly concat: readonly string[] };
      readonly counter?: { readonly packets: number };
    };
  }[];
}

/** `hosts`: names by address. */
export function parseWays(
  json: string,
  leaf: string,
  hosts: ReadonlyMap<string, string>,
): [string, number][] {
  const entries: { set?: NftSet }[] = JSON.parse(json).nftables;
  return entries.flatMap(({ set }) =>
    (set?.elem ?? []).flatMap(({ elem }): [string, number][] => {
      const words = typeof elem.val === 'string' ? [elem.val] : elem.val.concat;
      const host = hosts.get(words.at(-1)!);
      if (host === undefined) return [];
      const isBucket = set!.name.startsWith('bucket');
      const way = isBucket
        ? ['bucket', leaf, set!.name.slice('bucket'.length)]
        : [set!.name, leaf, words[0]!];
      return [[[...way, host].join('|'), elem.counter?.packets ?? 0]];
    }),
  );
}

/** Between two readings: for each host, the ways that carried some of its traffic. */
export class WaysInUse {
  private readonly inUse = new Set<string>();

  constructor(before: Ways, after: Ways) {
    const grown = new Map([...after].map(([key, packets]) => [key, packets - (before.get(key) ?? 0)]));
    const totals = new Map<string, number>();
    for (const [key, packets] of grown) totals.set(groupOf(key), (totals.get(groupOf(key)) ?? 0) + packets);
    for (const [key, packets] of grown) {
      if (packets > 0 && packets >= LEAST_SHARE * totals.get(groupOf(key))!) this.inUse.add(key);
    }
  }

  isUsed(way: Way, host: string): boolean {
    return this.inUse.has([way.course, way.leaf, way.part, host].join('|'));
  }
}

/** `part`: a spine, or a bucket. */
export interface Way {
  readonly course: 'up' | 'down' | 'bucket';
  readonly leaf: string;
  readonly part: string;
}

/** All ways of one kind at one leaf, of one host. */
function groupOf(key: string): string {
  const [course, leaf, , host] = key.split('|');
  return [course, leaf, host].join('|');
}
