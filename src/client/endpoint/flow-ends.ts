// Where a flow of datagrams begins and ends: its addresses and ports from words, and the MAC of its destination.

import { SelvageError } from '../../base/errors.ts';
import { type HostAddress, parseCidr, parseIpv4, parseIpv6, parseMac } from '../../wire/address.ts';
import type { Ends } from './datagram-header.ts';

/** RFC 6335: for use by whoever needs one. */
const FIRST_DYNAMIC_PORT = 49152;
const LAST_PORT = 65535;

export interface FlowEnds {
  readonly ends: Ends;
  readonly from: string;
}

/** Adds the source port to `usedPorts`. Throws SelvageError for what cannot be. */
export function endsOf(
  { mac, addresses }: { readonly mac: string; readonly addresses: readonly string[] },
  to: string,
  from: number | undefined,
  usedPorts: Set<number>,
  resolve: (address: string) => string | undefined,
): FlowEnds {
  const destination = parseEnd(to);
  if (destination === undefined) {
    throw new SelvageError('bad-input', `${to} is not where datagrams can go.`, {
      hint: 'Write it like 192.168.77.3:53 or [fd00::3]:53.',
    });
  }
  const isIpv4 = typeof destination.address === 'number';
  const own = addresses.map(parseCidr).find((cidr) => cidr?.family === (isIpv4 ? 4 : 6));
  if (own === undefined) {
    throw new SelvageError(
      'bad-input',
      `This endpoint has no IPv${isIpv4 ? 4 : 6} address to send to ${to} from.`,
      {
        hint: 'Give the vNIC one in the agent’s configuration.',
      },
    );
  }
  const destinationMac = resolve(destination.text);
  if (destinationMac === undefined) {
    throw new SelvageError(
      'bad-input',
      `Nobody in this endpoint’s network has the address ${destination.text}.`,
      {
        hint: 'Name a vNIC that the agent’s configuration has in the same VNI.',
      },
    );
  }
  const sourcePort = from ?? freePort(usedPorts);
  if (!Number.isInteger(sourcePort) || sourcePort < 1 || sourcePort > LAST_PORT) {
    throw new SelvageError('bad-input', `${sourcePort} is no port.`, {
      hint: 'Give a number from 1 to 65535.',
    });
  }
  usedPorts.add(sourcePort);
  const [ownText] = addresses
    .find((text) => parseCidr(text) !== undefined && text.includes(':') !== isIpv4)!
    .split('/');
  return {
    ends: {
      sourceMac: parseMac(mac)!,
      destinationMac: parseMac(destinationMac)!,
      source: own.address,
      destination: destination.address,
      sourcePort,
      destinationPort: destination.port,
    },
    from: isIpv4 ? `${ownText}:${sourcePort}` : `[${ownText}]:${sourcePort}`,
  };
}

function parseEnd(text: string): { address: HostAddress; text: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, ipv4] = match;
  const address = ipv4 === undefined ? parseIpv6(ipv6!) : parseIpv4(ipv4);
  const port = Number(match[3]);
  if (address === undefined || port < 1 || port > LAST_PORT) return undefined;
  return { address, text: ipv4 ?? ipv6!, port };
}

function freePort(used: ReadonlySet<number>): number {
  for (let port = FIRST_DYNAMIC_PORT; port <= LAST_PORT; port++) if (!used.has(port)) return port;
  return FIRST_DYNAMIC_PORT;
}
