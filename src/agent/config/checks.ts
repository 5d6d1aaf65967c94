// Checks that need more than one field: nothing is named twice where that would be ambiguous, and what is configured
// fits together. They run on a draft, so that one bad field does not hide what else is wrong.
import { CANDIDATES } from '../../paths/path-table.ts';
import { formatIpv4, formatIpv6, formatMac } from '../../wire/address.ts';
import { endpointSocketName } from '../endpoints/socket-name.ts';
import { hasIpv6, mtuComplaint } from './mtu.ts';
import { formatPath, type Path, type Problem } from './problems.ts';
import type { Draft, HostConfig, IpAddress, RemoteVnicConfig, VniConfig, VnicConfig } from './types.ts';

/** Bytes (unix(7)). */
const LONGEST_SOCKET_PATH = 107;

type HostDraft = Draft<HostConfig>;
type VniDraft = Draft<VniConfig>;
type VnicDraft = Draft<VnicConfig>;

export function checkHost(host: HostDraft): Problem[] {
  const vnis = present(host.vnis, ['vnis']);
  return [
    ...checkPorts(host),
    ...repeated(
      vnis.map(({ item, path }) => ({ key: item.vni, path: [...path, 'vni'] })),
      (vni, first) => `VNI ${vni} is already at ${first}; give each VNI once`,
    ),
    ...checkInterfaceNames(vnis),
    ...vnis.flatMap(({ item, path }) => [
      ...checkMembers(item, path),
      ...checkRemotes(item, path, host.underlay?.address),
      ...present(item.vnics, [...path, 'vnics']).flatMap((vnic) => [
        ...checkVnic(vnic.item, vnic.path, item, host),
        ...checkEndpoint(vnic.item, vnic.path, host),
      ]),
    ]),
  ];
}

/** The sockets of the source ports and the overlay's own are bound to the same address. */
function checkPorts({ underlay }: HostDraft): Problem[] {
  const { port, sourcePorts } = underlay ?? {};
  if (port === undefined || sourcePorts === undefined) return [];
  if (port < sourcePorts || port >= sourcePorts + CANDIDATES) return [];
  const taken = `${sourcePorts} to ${sourcePorts + CANDIDATES - 1}`;
  const sentence = `the source ports are ${taken}, which includes the overlay's port ${port}; write it like 49152`;
  return [{ path: ['underlay', 'sourcePorts'], sentence }];
}

function checkInterfaceNames(vnis: readonly Placed<VniDraft>[]): Problem[] {
  const vnics = vnis.flatMap(({ item, path }) => present(item.vnics, [...path, 'vnics']));
  return repeated(
    vnics.map(({ item, path }) => ({
      key: item.name === undefined ? undefined : placeOf(item),
      path: [...path, 'name'],
    })),
    (name, first) => `${name} is already at ${first}; give each interface of a namespace a name of its own`,
  );
}

function placeOf({ name, netns, endpoint }: VnicDraft): string {
  return endpoint === true ? `the endpoint ${name}` : `${name} in ${netns ?? "the agent's namespace"}`;
}

/** A native endpoint is in no namespace: it is a socket in the agent's folder. */
function checkEndpoint({ endpoint, netns, group, name }: VnicDraft, path: Path, host: HostDraft): Problem[] {
  const problems: Problem[] = [];
  const say = (field: string, sentence: string) => problems.push({ path: [...path, field], sentence });
  if (endpoint !== true) {
    if (endpoint === false && group !== undefined)
      say('group', 'is for endpoints, and this is an interface; write endpoint: true or leave it out');
    return problems;
  }
  if (netns !== undefined) say('netns', 'an endpoint is in no namespace; leave it out');
  const room = LONGEST_SOCKET_PATH - Buffer.byteLength(host.runtimeDir ?? '');
  if (name !== undefined && room < Buffer.byteLength(`/${endpointSocketName(name)}`))
    say('name', "runtimeDir leaves no room for the endpoint's socket; choose a shorter path there");
  return problems;
}

/** Within a VNI a MAC and an address belong to one vNIC, wherever it is. */
function checkMembers(vni: VniDraft, vniPath: Path): Problem[] {
  const members: Placed<VnicDraft | Draft<RemoteVnicConfig>>[] = [
    ...present(vni.vnics, [...vniPath, 'vnics']),
    ...present(vni.remotes, [...vniPath, 'remotes']).flatMap(({ item, path }) =>
      present(item.vnics, [...path, 'vnics']),
    ),
  ];
  const macs = members.map(({ item, path }) => ({
    key: item.mac === undefined ? undefined : formatMac(item.mac),
    path: [...path, 'mac'],
  }));
  const addresses = members.flatMap(({ item, path }) =>
    present<IpAddress>(item.addresses, [...path, 'addresses']).map((address) => ({
      key: formatIp(address.item),
      path: address.path,
    })),
  );
  return [
    ...repeated(
      macs,
      (mac, first) => `${mac} is already at ${first}; give each vNIC of a VNI a MAC of its own`,
    ),
    ...repeated(
      addresses,
      (ip, first) => `${ip} is already at ${first}; give each vNIC of a VNI addresses of its own`,
    ),
  ];
}

function checkRemotes(vni: VniDraft, vniPath: Path, own: IpAddress | undefined): Problem[] {
  const vteps = present(vni.remotes, [...vniPath, 'remotes']).map(({ item, path }) => ({
    key: item.vtep === undefined ? undefined : formatIp(item.vtep),
    path: [...path, 'vtep'],
  }));
  const self = own === undefined ? undefined : formatIp(own);
  return [
    ...vteps
      .filter(({ key }) => key !== undefined && key === self)
      .map(({ path }) => ({ path, sentence: `${self} is this host's own address; write the other host's` })),
    ...present(vni.remotes, [...vniPath, 'remotes']).flatMap(({ item, path }) => {
      if (own === undefined || item.vtep === undefined || item.vtep.family === own.family) return [];
      const sentence = `${formatIp(item.vtep)} is an IPv${item.vtep.family} address and this host's is IPv${own.family}; give all hosts addresses of one family`;
      return [{ path: [...path, 'vtep'], sentence }];
    }),
    ...repeated(vteps, (vtep, first) => `${vtep} is already at ${first}; put its vNICs there`),
  ];
}

function checkVnic(vnic: VnicDraft, path: Path, vni: VniDraft, host: HostDraft): Problem[] {
  const problems: Problem[] = [];
  if (vnic.sourceCheck === true && vnic.addresses?.length === 0) {
    const sentence =
      'without an address nothing may be sent; give the vNIC an address or write sourceCheck: false';
    problems.push({ path: [...path, 'addresses'], sentence });
  }
  const withIpv6 = hasIpv6(present(vnic.addresses, []).map(({ item }) => item));
  const wrongMtu = mtuComplaint(vni.reliable ?? true, vnic.mtu, withIpv6, {
    mtu: host.underlay?.mtu,
    family: host.underlay?.address?.family ?? 4,
  });
  if (wrongMtu !== undefined) problems.push({ path: [...path, 'mtu'], sentence: wrongMtu });
  return problems;
}

interface Placed<T> {
  readonly item: T;
  readonly path: Path;
}

/** The items of a list that could be read, each with its place. */
function present<T>(items: readonly (T | undefined)[] | undefined, path: Path): Placed<T>[] {
  return (items ?? []).flatMap((item, index) =>
    item === undefined ? [] : [{ item, path: [...path, index] }],
  );
}

function repeated<Key>(
  entries: readonly { readonly key: Key | undefined; readonly path: Path }[],
  sentence: (key: Key, first: string) => string,
): Problem[] {
  const seen = new Map<Key, Path>();
  return entries.flatMap(({ key, path }) => {
    if (key === undefined) return [];
    const first = seen.get(key);
    if (first !== undefined) return [{ path, sentence: sentence(key, formatPath(first)) }];
    seen.set(key, path);
    return [];
  });
}

function formatIp(ip: IpAddress): string {
  return ip.family === 4 ? formatIpv4(ip.address) : formatIpv6(ip.address);
}
