// Gives the packets of each flow another outer source port after every third, as a hypervisor does while paths fail one after
// the other (ZooRoute §7.1): nft changes what the kernel chose, before the fast table looks at it and takes the port that
// this is at home on. Pure.
import { homeOf } from '../../src/paths/reroute/fast-select.ts';

export const PACKETS_PER_PORT = 3;
const TABLE = 'changing_ports';
const SEED = '0x5e1';
/** Where the kernel's own choices lie. */
const FIRST_KERNEL_PORT = 32_768;
/** The first byte of VXLAN's header; packets of our own have another there. */
const FRAME = '@th,64,8 0x08';

/**
 * `groups`: ports, from 0, among which a flow may be changed; each flow has one of the groups by its hash. Homes are those of
 * the table, 32 or 64.
 */
export function changeScript(
  groups: readonly (readonly number[])[],
  homes: number,
  destination: string,
  vxlanPort: number,
): string {
  const rules = groups.map((ports, group) => {
    const choices = ports.map((port, i) => {
      const first = i * PACKETS_PER_PORT;
      return `${first}-${first + PACKETS_PER_PORT - 1} : ${kernelPortAt(port, homes)}`;
    });
    const turn = `numgen inc mod ${ports.length * PACKETS_PER_PORT}`;
    return `  chain group${group} { udp sport set ${turn} map { ${choices.join(', ')} }; }`;
  });
  const jumps = groups.map((_, group) => `${group} : jump group${group}`).join(', ');
  const which =
    groups.length === 1
      ? 'jump group0'
      : `jhash udp sport mod ${groups.length} seed ${SEED} vmap { ${jumps} }`;
  return [
    `table ip ${TABLE} {`,
    ...rules,
    '  chain leaving {',
    '    type filter hook output priority 0;',
    `    ip daddr ${destination} udp dport ${vxlanPort} ${FRAME} ${which}`,
    '  }',
    '}',
    '',
  ].join('\n');
}

export const END_CHANGES = `delete table ip ${TABLE}\n`;

/** A choice of the kernel's that is at home on that port. */
export function kernelPortAt(port: number, homes: number): number {
  let choice = FIRST_KERNEL_PORT;
  while (homeOf(choice, homes) !== port) choice++;
  return choice;
}
