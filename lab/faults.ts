// From the conditions a link has to those it shall have: the steps to take, as data that can be printed. Pure.
// Loss and blackholes are nft rules where the packets arrive, so that the sender notices nothing; rate is a token
// bucket where they leave; delay and jitter (with rate and queue) are a link emulator (emulator/), as the kernel may have
// no netem. A link that can drop single packets carries single packets: offload bundles are cut where they leave.
import type { Blackhole, Bucket, LinkConditions, LinkEnds } from './conditions.ts';

/** Packets that wait for a rate-limited link whose queue is not given. */
export const DEFAULT_QUEUE_PACKETS = 256;

const ETHERNET_BYTES = 14;
const PPM = 1_000_000;
const BUCKET_SEED = '0x5e1fa6e';

export interface EmulatedLink {
  readonly delayMicros: number;
  readonly jitterMicros?: number;
  /** Infinity is written as absent. */
  readonly rateBitsPerSecond?: number;
  readonly queuePackets: number;
}

export type FaultStep =
  | { readonly kind: 'nft'; readonly node: string; readonly script: readonly string[] }
  | { readonly kind: 'tc' | 'ip'; readonly node: string; readonly lines: readonly string[] }
  /** Cut bundles into packets before they leave the interface; or leave them whole, as they were. */
  | { readonly kind: 'segment'; readonly node: string; readonly interface: string; readonly on: boolean }
  /** Compute checksums before packets leave; or leave that to whoever needs them. */
  | { readonly kind: 'checksum'; readonly node: string; readonly interface: string; readonly on: boolean }
  | { readonly kind: 'emulate'; readonly link: LinkEnds; readonly as: EmulatedLink | undefined }
  /** The kernel took routes away when the link was down. */
  | { readonly kind: 'routes'; readonly node: string; readonly link: string };

export function planFaults(
  link: LinkEnds,
  mtu: number,
  old: LinkConditions,
  wanted: LinkConditions,
): FaultStep[] {
  const ends = [
    { node: link.a, peer: link.b },
    { node: link.b, peer: link.a },
  ];
  const each = (step: (end: End) => FaultStep[]) => ends.flatMap(step);
  const changed = <T>(aspect: (conditions: LinkConditions) => T) => !isSame(aspect(old), aspect(wanted));
  const steps: FaultStep[] = [];
  if (changed(cutsBundles) && cutsBundles(wanted)) steps.push(...each((end) => [segmentStep(end, true)]));
  if (changed(isRealWire)) steps.push(...each((end) => [checksumStep(end, isRealWire(wanted))]));
  if (changed(shaping) && shaping(old) && !shaping(wanted)) steps.push(...each((end) => [unshapeStep(end)]));
  if (changed(emulated)) steps.push({ kind: 'emulate', link, as: emulated(wanted) });
  if (changed(shaping) && shaping(wanted))
    steps.push(...each((end) => [shapeStep(end, shaping(wanted)!, mtu)]));
  steps.push(...each((end) => dropSteps(end, dropsAt(end, link, old), dropsAt(end, link, wanted))));
  if (changed(isDown)) steps.push(...carrierSteps(link.name, ends, isDown(wanted)));
  if (changed(cutsBundles) && !cutsBundles(wanted)) steps.push(...each((end) => [segmentStep(end, false)]));
  return steps;
}

interface End {
  readonly node: string;
  /** The node across, and the interface towards it. */
  readonly peer: string;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function cutsBundles(conditions: LinkConditions): boolean {
  const { lossPpm, rateBitsPerSecond } = conditions;
  return lossPpm !== undefined || rateBitsPerSecond !== undefined || isEmulated(conditions);
}

/** The kernel has nothing that delays. */
export function isEmulated({ delayMicros, jitterMicros }: LinkConditions): boolean {
  return delayMicros !== undefined || jitterMicros !== undefined;
}

function isRealWire({ realWire }: LinkConditions): boolean {
  return realWire === true;
}

function isDown({ carrier }: LinkConditions): boolean {
  return carrier === 'down';
}

function emulated(conditions: LinkConditions): EmulatedLink | undefined {
  if (!isEmulated(conditions)) return undefined;
  const { delayMicros = 0, jitterMicros, rateBitsPerSecond, queuePackets } = conditions;
  return {
    delayMicros,
    ...(jitterMicros !== undefined && { jitterMicros }),
    ...(rateBitsPerSecond !== undefined && { rateBitsPerSecond }),
    queuePackets: queuePackets ?? DEFAULT_QUEUE_PACKETS,
  };
}

interface Shaping {
  readonly rateBitsPerSecond: number;
  readonly queuePackets: number;
}

function shaping(conditions: LinkConditions): Shaping | undefined {
  const { rateBitsPerSecond, queuePackets } = conditions;
  if (rateBitsPerSecond === undefined || isEmulated(conditions)) return undefined;
  return { rateBitsPerSecond, queuePackets: queuePackets ?? DEFAULT_QUEUE_PACKETS };
}

function segmentStep({ node, peer }: End, on: boolean): FaultStep {
  return { kind: 'segment', node, interface: peer, on };
}

function checksumStep({ node, peer }: End, on: boolean): FaultStep {
  return { kind: 'checksum', node, interface: peer, on };
}

function unshapeStep({ node, peer }: End): FaultStep {
  return { kind: 'tc', node, lines: [`qdisc delete dev ${peer} root`] };
}

/**
 * The bucket holds a millisecond of the rate, so that a late timer costs no throughput. The peak rate is there for
 * its bucket of one packet: what is larger, a bundle, is cut before it is queued.
 */
function shapeStep(
  { node, peer }: End,
  { rateBitsPerSecond, queuePackets }: Shaping,
  mtu: number,
): FaultStep {
  const packetBytes = mtu + ETHERNET_BYTES;
  const bucketBytes = Math.max(2 * packetBytes, Math.ceil(rateBitsPerSecond / 8 / 1000));
  const peak = Math.max(1_000_000_000_000, rateBitsPerSecond * 2);
  const line =
    `qdisc replace dev ${peer} root tbf rate ${rateBitsPerSecond}bit burst ${bucketBytes} ` +
    `peakrate ${peak}bit mtu ${packetBytes} limit ${queuePackets * packetBytes}`;
  return { kind: 'tc', node, lines: [line] };
}

interface Drops {
  /** Of all packets, or of one bucket's. */
  readonly all: boolean;
  readonly bucket?: Bucket;
  readonly lossPpm: number;
}

/** What vanishes of that which arrives at this end. */
function dropsAt({ node }: End, { a }: LinkEnds, conditions: LinkConditions): Drops | undefined {
  const { blackhole, bucket, lossPpm } = conditions;
  const arriving: Blackhole = node === a ? 'b>a' : 'a>b';
  const all = blackhole === 'both' || blackhole === arriving;
  return all || lossPpm !== undefined
    ? { all, ...(all && bucket && { bucket }), lossPpm: lossPpm ?? 0 }
    : undefined;
}

/** The name of the nft table for what arrives from a peer; its counters are `blackholed` and `lost`. */
export function dropTable(peer: string): string {
  return `selvage_${peer}`;
}

/** Counters go on while the link has any fault of this kind, and go with the last one. */
function dropSteps({ node, peer }: End, old: Drops | undefined, wanted: Drops | undefined): FaultStep[] {
  if (isSame(old, wanted)) return [];
  const table = `inet ${dropTable(peer)}`;
  if (wanted === undefined) return [{ kind: 'nft', node, script: [`delete table ${table}`] }];
  const rule = (text: string) => `add rule ${table} arriving ${text}`;
  const script = [
    `add table ${table}`,
    `add counter ${table} blackholed`,
    `add counter ${table} lost`,
    // Before reassembly or anything else that the stack does with a packet.
    `add chain ${table} arriving { type filter hook prerouting priority -410; policy accept; }`,
    `flush chain ${table} arriving`,
    rule(`iifname != "${peer}" return`),
    // The neighbour stays known, as ARP's does: what fails is the path, not the link.
    rule(
      'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } return',
    ),
    ...(wanted.all ? blackholeRules(wanted.bucket).map(rule) : []),
    ...(wanted.lossPpm > 0 ? [rule(`${chance(wanted.lossPpm)}counter name lost drop`)] : []),
  ];
  return [{ kind: 'nft', node, script }];
}

function blackholeRules(bucket: Bucket | undefined): string[] {
  const drop = 'counter name blackholed drop';
  if (bucket === undefined || bucket.of === 1) return [drop];
  return IP_VERSIONS.map(
    (ip) => `meta nfproto ${ip} ${bucketHash(ip, bucket.of)} == ${bucket.which - 1} ${drop}`,
  );
}

export const IP_VERSIONS = ['ipv4', 'ipv6'] as const;

/** From 0: what the flows of a packet are put into by its addresses and ports; switches have a hash of their own. */
export function bucketHash(version: (typeof IP_VERSIONS)[number], buckets: number): string {
  const ip = version === 'ipv4' ? 'ip' : 'ip6';
  return `jhash ${ip} saddr . ${ip} daddr . @th,0,32 mod ${buckets} seed ${BUCKET_SEED}`;
}

/** nft refuses a comparison that is always true. */
function chance(ppm: number): string {
  return ppm < PPM ? `numgen random mod ${PPM} < ${ppm} ` : '';
}

function carrierSteps(link: string, ends: readonly End[], down: boolean): FaultStep[] {
  const set = ends.map(
    ({ node, peer }): FaultStep => ({
      kind: 'ip',
      node,
      lines: [`link set dev ${peer} ${down ? 'down' : 'up'}`],
    }),
  );
  return down ? set : [...set, ...ends.map(({ node }): FaultStep => ({ kind: 'routes', node, link }))];
}
