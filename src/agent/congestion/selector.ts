// Which connections are meant: --vni, --from, --to and --flow of `selvage cc`. A connection that is named by its CID is
// its pair of vNICs from then on, since a CID lasts only as long as the connection.

import { SelvageError } from '../../base/errors.ts';
import type { FlowRule } from '../../congestion/plane/links.ts';
import { formatHostAddress, formatMac, parseIpv4, parseIpv6, parseMac } from '../../wire/address.ts';
import type { FlowReport } from '../reports/flow-report.ts';
import { LIKE_CID, LIKE_VNI, parseCid, parseVni } from '../reports/identifiers.ts';

export type Selector = Omit<FlowRule, 'algorithm'>;

/** As it was typed; absent fields select nothing in particular. */
export interface SelectorText {
  readonly vni?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly flow?: string | undefined;
}

/** Rejects with 'bad-input' for what cannot be understood, and for a CID that no connection has. */
export async function readSelector(
  { vni, from, to, flow }: SelectorText,
  ask: (cid: number) => Promise<readonly FlowReport[]>,
): Promise<Selector> {
  if (flow !== undefined) return pairOf(flow, ask);
  const remoteMac = to === undefined ? undefined : parseMac(to);
  return {
    vni: vni === undefined ? undefined : (parseVni(vni) ?? complain('vni', vni, LIKE_VNI)),
    localMac: from === undefined ? undefined : (parseMac(from) ?? complain('from', from, 'a MAC address')),
    remoteMac,
    peer: to === undefined || remoteMac !== undefined ? undefined : vtepOf(to),
  };
}

export function describeSelector({ vni, peer, localMac, remoteMac }: Selector): string {
  const parts = [
    vni === undefined ? undefined : `VNI ${vni}`,
    localMac === undefined ? undefined : `from ${formatMac(localMac)}`,
    remoteMac === undefined ? undefined : `to ${formatMac(remoteMac)}`,
    peer === undefined ? undefined : `to ${peer}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'everything' : parts.join(' ');
}

export function sameSelection(a: Selector, b: Selector): boolean {
  return a.vni === b.vni && a.peer === b.peer && a.localMac === b.localMac && a.remoteMac === b.remoteMac;
}

async function pairOf(text: string, ask: (cid: number) => Promise<readonly FlowReport[]>): Promise<Selector> {
  const [found] = await ask(parseCid(text) ?? complain('flow', text, LIKE_CID));
  if (found === undefined) {
    throw new SelvageError('bad-input', `There is no connection ${text}.`, {
      hint: 'A connection that is begun anew has another CID: `selvage flows` lists them.',
    });
  }
  const { vni, localMac, remoteMac } = found;
  return { vni, localMac, remoteMac };
}

function vtepOf(text: string): string {
  const address = parseIpv4(text) ?? parseIpv6(text);
  if (address !== undefined) return formatHostAddress(address);
  return complain('to', text, 'the MAC address of a remote interface or the address of a peer');
}

function complain(what: string, text: string, like: string): never {
  throw new SelvageError('bad-input', `${what}: "${text}" is not understood.`, {
    hint: `It must be ${like}.`,
  });
}
