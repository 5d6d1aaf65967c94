// Which way traffic really goes: what a leaf has sent to and received from each spine.
import type { Lab } from '../../lab/lab.ts';

/** Packets in both directions by spine. */
export type UplinkPackets = ReadonlyMap<string, number>;

export async function readUplinks(lab: Lab, leaf: string): Promise<UplinkPackets> {
  const { stdout } = await lab.run(leaf, ['ip', '-statistics', '-json', 'link', 'show']);
  return parseUplinks(stdout, lab.topology.spines);
}

/** Interfaces are named after the node they lead to. */
export function parseUplinks(json: string, spines: readonly string[]): UplinkPackets {
  const links: readonly Interface[] = JSON.parse(json);
  return new Map(
    spines.map((spine) => {
      const counts = links.find((link) => link.ifname === spine)?.stats64;
      return [spine, (counts?.tx.packets ?? 0) + (counts?.rx.packets ?? 0)];
    }),
  );
}

/** The spine that carried most between two readings. */
export function busiestSpine(before: UplinkPackets, after: UplinkPackets): string {
  const grown = [...after].map(([spine, packets]) => ({
    spine,
    packets: packets - (before.get(spine) ?? 0),
  }));
  return grown.reduce((most, each) => (each.packets > most.packets ? each : most)).spine;
}

interface Interface {
  readonly ifname: string;
  readonly stats64?: { readonly tx: { readonly packets: number }; readonly rx: { readonly packets: number } };
}
