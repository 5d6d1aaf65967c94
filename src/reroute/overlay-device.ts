// A VXLAN device of the kernel as `ip -j -d link show` tells of it: where its packets come from and which port they go
// to. Also what `bridge -j fdb show` knows of its peers. Pure: reads text, and makes sentences of what is not there.

import { SelvageError } from '../base/errors.ts';
import {
  formatHostAddress,
  type HostAddress,
  type Mac,
  parseIpv4,
  parseIpv6,
  parseMac,
} from '../wire/address.ts';

export interface OverlayDevice {
  readonly name: string;
  /** Changes when the device is made again under its name. */
  readonly index: number;
  /** The UDP destination port of its packets. */
  readonly port: number;
  /** Source of its packets; undefined: that of the route. */
  readonly local: HostAddress | undefined;
  /** The device that its packets leave by; undefined: that of the route. */
  readonly underlay: string | undefined;
  /** The one peer or the group that it sends to if it knows nothing better. */
  readonly remote: HostAddress | undefined;
}

interface LinkJson {
  readonly ifindex?: number;
  readonly ifname?: string;
  readonly link_netnsid?: number;
  readonly address?: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: VxlanJson };
}

interface VxlanJson {
  readonly port?: number;
  readonly link?: string;
  readonly local?: string;
  readonly local6?: string;
  readonly group?: string;
  readonly group6?: string;
  readonly remote?: string;
  readonly remote6?: string;
}

interface FdbJson {
  readonly dst?: string;
  readonly port?: number;
}

/** The device named, or the only one. `text` is of all links; throws an error that lists what there is. */
export function chooseDevice(text: string, name: string | undefined): OverlayDevice {
  const links = (JSON.parse(text) as LinkJson[]).filter(({ ifname }) => ifname !== undefined);
  const devices = links.filter(isVxlan);
  if (name === undefined && devices.length === 1) return readDevice(devices[0]!);
  if (name === undefined) {
    throw new SelvageError(
      'bad-input',
      devices.length === 0 ? 'There is no VXLAN device here.' : 'There are several VXLAN devices here.',
      { hint: devices.length === 0 ? NONE : `Name one with --dev: ${list(devices)}.` },
    );
  }
  const link = links.find(({ ifname }) => ifname === name);
  if (link === undefined) throw notUsable(`There is no device ${name} here.`, devices);
  if (!isVxlan(link)) {
    const kind = link.linkinfo?.info_kind;
    throw notUsable(
      `${name} is no VXLAN device${kind === undefined ? '' : ` but of the kind ${kind}`}.`,
      devices,
    );
  }
  return readDevice(link);
}

/** Those named, or the only one. */
export function chooseDevices(text: string, names: readonly string[]): OverlayDevice[] {
  return names.length === 0 ? [chooseDevice(text, undefined)] : names.map((name) => chooseDevice(text, name));
}

/** The number of a device, of whatever kind, and its MAC; undefined when there is none of the name. */
export function readLink(
  text: string,
  name: string,
): { readonly index: number; readonly mac: Mac } | undefined {
  const link = (JSON.parse(text) as LinkJson[]).find(({ ifname }) => ifname === name);
  return link?.ifindex === undefined
    ? undefined
    : { index: link.ifindex, mac: parseMac(link.address ?? '') ?? 0 };
}

/** The peers that the device was told of or has learned, each once. */
export function peersIn(text: string, device: Pick<OverlayDevice, 'port'>): HostAddress[] {
  const peers = new Map<string, HostAddress>();
  for (const { dst, port = device.port } of JSON.parse(text || '[]') as FdbJson[]) {
    const address = dst === undefined ? undefined : parseHost(dst);
    if (address === undefined || isGroup(address) || port !== device.port) continue;
    peers.set(formatHostAddress(address), address);
  }
  return [...peers.values()];
}

export function parseHost(text: string): HostAddress | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

export function familyOf(address: HostAddress): 4 | 6 {
  return typeof address === 'number' ? 4 : 6;
}

const NONE =
  '`ip -d link show type vxlan` lists none: run it on the host itself (hostNetwork in Kubernetes), and see whether the overlay uses VXLAN at all.';

function isVxlan({ linkinfo }: LinkJson): boolean {
  return linkinfo?.info_kind === 'vxlan';
}

function list(devices: readonly LinkJson[]): string {
  return devices
    .map(({ ifname, linkinfo }) => `${ifname} (UDP port ${linkinfo?.info_data?.port ?? '?'})`)
    .join(', ');
}

function notUsable(sentence: string, devices: readonly LinkJson[]): SelvageError {
  const hint = devices.length === 0 ? NONE : `VXLAN devices here are ${list(devices)}.`;
  return new SelvageError('bad-input', sentence, { hint });
}

function readDevice({ ifname, ifindex, link_netnsid, linkinfo }: LinkJson): OverlayDevice {
  const data = linkinfo?.info_data;
  const name = ifname!;
  if (data?.port === undefined || ifindex === undefined) {
    throw new SelvageError(
      'unsupported',
      `\`ip -d link show ${name}\` does not say which UDP port it uses.`,
      {
        hint: 'Use iproute2 5.0 or later.',
      },
    );
  }
  if (link_netnsid !== undefined) {
    throw new SelvageError('unsupported', `${name} sends by another network namespace than its own.`, {
      hint: 'Run Selvage in the namespace of its underlay, on a VXLAN device there.',
    });
  }
  const remote = parse(data.remote ?? data.remote6 ?? data.group ?? data.group6);
  return {
    name,
    index: ifindex,
    port: data.port,
    local: parse(data.local ?? data.local6),
    underlay: data.link,
    remote,
  };
}

function parse(text: string | undefined): HostAddress | undefined {
  const address = text === undefined ? undefined : parseHost(text);
  // Unset ones may be listed as zeros.
  return address === 0 ? undefined : address;
}

function isGroup(address: HostAddress): boolean {
  return typeof address === 'number' ? address >>> 28 === 14 : address[0] >>> 24 === 0xff;
}
