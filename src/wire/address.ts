// Addresses as values: a MAC is a 48-bit number, an IPv4 address a 32-bit unsigned number, an IPv6 address four of
// those, highest first. All three compare cheaply; their canonical texts (RFC 5952 for IPv6) serve as map keys.
// Parsing returns undefined for anything that is not exactly an address; the caller knows the field's name and
// makes the sentence.

export type Mac = number;
export type Ipv4Address = number;
export type Ipv6Address = readonly [number, number, number, number];

/** Where a host is; a number is an IPv4 address. */
export type HostAddress = Ipv4Address | Ipv6Address;

export type Cidr =
  | { readonly family: 4; readonly address: Ipv4Address; readonly prefixLength: number }
  | { readonly family: 6; readonly address: Ipv6Address; readonly prefixLength: number };

export const BROADCAST_MAC: Mac = 0xffff_ffff_ffff;
export const IPV6_UNSPECIFIED: Ipv6Address = [0, 0, 0, 0];

export function parseMac(text: string): Mac | undefined {
  if (!/^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i.test(text)) return undefined;
  return Number.parseInt(text.replaceAll(/[:-]/g, ''), 16);
}

export function formatMac(mac: Mac): string {
  return mac.toString(16).padStart(12, '0').match(/../g)!.join(':');
}

/** True for group addresses, broadcast included (IEEE 802: lowest bit of the first octet). */
export function isMulticastMac(mac: Mac): boolean {
  return (Math.floor(mac / 0x100_0000_0000) & 1) === 1;
}

/** Dotted decimal without leading zeros: some programs read "010" as octal, so it is no address here. */
export function parseIpv4(text: string): Ipv4Address | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    const octet = Number(part);
    if (octet > 255 || String(octet) !== part) return undefined;
    address = ((address << 8) | octet) >>> 0;
  }
  return address;
}

export function formatIpv4(address: Ipv4Address): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** RFC 4291 §2.2, with an IPv4 tail allowed and zone identifiers refused. */
export function parseIpv6(text: string): Ipv6Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (i: number) => ((groups[i]! << 16) | groups[i + 1]!) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(ipv4 >>> 16, ipv4 & 0xffff);
  }
  return groups;
}

/** The canonical text of RFC 5952: lower case, the first longest run of two or more zero groups as "::". */
export function formatIpv6(address: Ipv6Address): string {
  const groups = address.flatMap((word) => [word >>> 16, word & 0xffff]);
  let runAt = 0;
  let runLength = 0;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > runLength) {
      runAt = i;
      runLength = end - i;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (runLength < 2) return hex.join(':');
  return `${hex.slice(0, runAt).join(':')}::${hex.slice(runAt + runLength).join(':')}`;
}

/** An IPv4 address as IPv6 sockets write it (RFC 4291 §2.5.5.2). */
export function asIpv6(address: HostAddress): Ipv6Address {
  return typeof address === 'number' ? [0, 0, 0xffff, address] : address;
}

export function formatHostAddress(address: HostAddress): string {
  return typeof address === 'number' ? formatIpv4(address) : formatIpv6(address);
}

/** An address with a prefix length, as on an interface: bits behind the prefix are kept. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (match === null || String(Number(match[2])) !== match[2]) return undefined;
  const prefixLength = Number(match[2]);
  const ipv4 = parseIpv4(match[1]!);
  if (ipv4 !== undefined) return prefixLength <= 32 ? { family: 4, address: ipv4, prefixLength } : undefined;
  const ipv6 = parseIpv6(match[1]!);
  if (ipv6 === undefined || prefixLength > 128) return undefined;
  return { family: 6, address: ipv6, prefixLength };
}

export function formatCidr(cidr: Cidr): string {
  const address = cidr.family === 4 ? formatIpv4(cidr.address) : formatIpv6(cidr.address);
  return `${address}/${cidr.prefixLength}`;
}

export function cidrContainsIpv4(cidr: Cidr, address: Ipv4Address): boolean {
  return cidr.family === 4 && sameUnder(cidr.address, address, cidr.prefixLength);
}

export function cidrContainsIpv6(cidr: Cidr, address: Ipv6Address): boolean {
  if (cidr.family !== 6) return false;
  for (let i = 0; i < 4; i++) {
    if (!sameUnder(cidr.address[i]!, address[i]!, cidr.prefixLength - 32 * i)) return false;
  }
  return true;
}

/** True when the first `bits` bits of two 32-bit words agree; any count from below 0 to above 32. */
function sameUnder(a: number, b: number, bits: number): boolean {
  if (bits <= 0) return true;
  return (a ^ b) >>> (32 - Math.min(bits, 32)) === 0;
}

export function sameIpv6(a: Ipv6Address, b: Ipv6Address): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

export function readMac(view: DataView, at: number): Mac {
  return view.getUint16(at) * 0x1_0000_0000 + view.getUint32(at + 2);
}

export function writeMac(view: DataView, at: number, mac: Mac): void {
  view.setUint16(at, Math.floor(mac / 0x1_0000_0000));
  view.setUint32(at + 2, mac % 0x1_0000_0000);
}

export function readIpv6(view: DataView, at: number): Ipv6Address {
  return [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8), view.getUint32(at + 12)];
}

export function writeIpv6(view: DataView, at: number, address: Ipv6Address): void {
  for (let i = 0; i < 4; i++) view.setUint32(at + 4 * i, address[i]!);
}

/** True when the address at `at` is `address`; allocates nothing, for checks on every packet. */
export function isIpv6At(view: DataView, at: number, address: Ipv6Address): boolean {
  return (
    view.getUint32(at) === address[0] &&
    view.getUint32(at + 4) === address[1] &&
    view.getUint32(at + 8) === address[2] &&
    view.getUint32(at + 12) === address[3]
  );
}
