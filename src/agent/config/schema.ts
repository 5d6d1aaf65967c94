// The shape of a host's configuration file: fields, defaults, and how each value is read. What depends on more than one
// field is in checks.ts.
import * as v from 'valibot';
import { CANDIDATES } from '../../paths/path-table.ts';
import { isNative, MAX_THREADS, NATIVE_NAMES } from '../../vswitch/config.ts';
import { DEFAULT_SCHEDULER, isScheduler, SCHEDULER_NAMES } from '../../vswitch/scheduling/scheduler.ts';
import {
  type Cidr,
  type Ipv4Address,
  isMulticastMac,
  type Mac,
  parseCidr,
  parseIpv4,
  parseIpv6,
  parseMac,
} from '../../wire/address.ts';
import { MAX_CONNECTIONS } from '../clients/given.ts';
import { builtInNames, isBuiltIn } from '../congestion/built-in.ts';
import { Complaint, list, mapping, text, wholeNumber, yesOrNo } from './fields.ts';
import { largestMtu, smallestMtu } from './mtu.ts';
import { accept, receiveRate } from './receive-policy.ts';
import type { HostConfig, IpAddress } from './types.ts';

const longestInterfaceName = 15;
/** A Unix socket's path has room for 107 bytes, and `/clients.sock` goes behind the folder. */
const longestRuntimeDir = 94;

const hostName = text('a host name', 'host1', (value) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value) ? value : undefined,
);

const runtimeDir = text('an absolute path', '/run/selvage', (value) => {
  if (!value.startsWith('/')) return undefined;
  if (Buffer.byteLength(value) <= longestRuntimeDir) return value;
  return new Complaint(
    `is longer than ${longestRuntimeDir} bytes, and a socket's path has no room for more; choose a shorter path`,
  );
});

const vtep = text('an IP address', '10.0.1.1', (value): IpAddress | Complaint | undefined => {
  const ip = parseIp(value);
  if (ip === undefined || isHostAddress(ip)) return ip;
  return new Complaint(
    `${value} is not the address of a host that others reach; write it like ${ip.family === 4 ? '10.0.1.1' : 'fd00::1'}`,
  );
});

const groupName = text('the name of a group', 'selvage', (value) =>
  /^[A-Za-z_][A-Za-z0-9._-]{0,31}$/.test(value) ? value : undefined,
);

const clientsThread = text('a thread', 'services', (value) =>
  value === 'services' || value === 'data'
    ? value
    : new Complaint(`${value} is not a thread that can serve clients; write services or data`),
);

const scheduler = text('a scheduler', 'drr', (value) =>
  isScheduler(value)
    ? value
    : new Complaint(`${value} is not a scheduler; write ${SCHEDULER_NAMES.join(' or ')}`),
);

const mac = text('a MAC address', '02:00:00:00:77:01', (value): Mac | Complaint | undefined => {
  const parsed = parseMac(value);
  if (parsed === 0) return new Complaint('is the zero address; write it like 02:00:00:00:77:01');
  return parsed === undefined || !isMulticastMac(parsed)
    ? parsed
    : new Complaint(`${value} is a group address; make its first octet even, like 02:00:00:00:77:01`);
});

const interfaceName = text(
  `an interface name of at most ${longestInterfaceName} letters, digits, ".", "_" or "-"`,
  'sel0',
  (value) =>
    value.length <= longestInterfaceName && /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(value) ? value : undefined,
);

const netns = text("a namespace's name or absolute path", 'tenant1', (value) => {
  if (/^\/./.test(value)) return value;
  return /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(value) ? `/run/netns/${value}` : undefined;
});

const ownAddress = text('an address with its prefix length', '192.168.77.1/24', (value) => {
  const cidr = parseCidr(value);
  if (cidr === undefined) {
    return (
      parseIp(value) &&
      new Complaint(`${value} has no prefix length; write it like ${exampleWithPrefix(value)}`)
    );
  }
  return isAssignable(cidr)
    ? cidr
    : new Complaint(`${value} cannot be a vNIC's address; write it like 192.168.77.1/24`);
});

const remoteAddress = text('an IP address', '192.168.77.3', (value): IpAddress | Complaint | undefined => {
  const address = parseIp(value);
  if (address !== undefined || parseCidr(value) === undefined) return address;
  return new Complaint(
    `${value} has a prefix length, which remote vNICs have not; write ${value.split('/')[0]}`,
  );
});

/** A file is looked for when the agent starts its algorithm. */
const congestion = text('an algorithm', 'swift', (value) => {
  if (isNative(value) || isBuiltIn(value) || /^\/.*\.[jt]s$/.test(value)) return value;
  const names = [...NATIVE_NAMES, ...builtInNames].join(', ');
  return new Complaint(`${value} is not an algorithm; write ${names}, or the absolute path of a .ts file`);
});

const vnic = mapping(
  {
    name: interfaceName,
    endpoint: v.optional(yesOrNo(), false),
    group: v.optional(groupName),
    netns: v.optional(netns),
    mac,
    addresses: v.optional(list(ownAddress, '[192.168.77.1/24]'), []),
    mtu: v.optional(wholeNumber(smallestMtu, largestMtu, 1400)),
    sourceCheck: v.optional(yesOrNo(), true),
    accept: v.optional(accept),
    receiveRate: v.optional(receiveRate),
  },
  '{ name: sel0, mac: 02:00:00:00:77:01, addresses: [192.168.77.1/24] }',
);

const remoteVnic = mapping(
  { mac, addresses: v.optional(list(remoteAddress, '[192.168.77.3]'), []) },
  '{ mac: 02:00:00:00:77:03, addresses: [192.168.77.3] }',
);

const remote = mapping(
  { vtep, vnics: list(remoteVnic, '[{ mac: 02:00:00:00:77:03, addresses: [192.168.77.3] }]') },
  '{ vtep: 10.0.2.1, vnics: [] }',
);

const vni = mapping(
  {
    vni: wholeNumber(1, 0xff_ffff, 77),
    reliable: v.optional(yesOrNo(), true),
    reorder: v.optional(yesOrNo(), true),
    congestion: v.optional(congestion, 'swift'),
    vnics: list(vnic, '[{ name: sel0, mac: 02:00:00:00:77:01, addresses: [192.168.77.1/24] }]'),
    remotes: v.optional(list(remote, '[{ vtep: 10.0.2.1, vnics: [] }]'), []),
  },
  '{ vni: 77, vnics: [] }',
);

const port = wholeNumber(1, 0xffff, 4789);

/** Room of queues of a fixed size. */
const queueFrames = wholeNumber(64, 65_536, 1024);

export const hostSchema = mapping(
  {
    host: hostName,
    runtimeDir: v.optional(runtimeDir, '/run/selvage'),
    threads: v.optional(wholeNumber(1, MAX_THREADS, 2), 1),
    underlay: mapping(
      {
        address: vtep,
        port: v.optional(port, 4789),
        sourcePorts: v.optional(wholeNumber(1, 0x1_0000 - CANDIDATES, 49152), 49152),
        mtu: v.optional(wholeNumber(smallestMtu, largestMtu, 1500)),
      },
      '{ address: 10.0.1.1 }',
    ),
    transport: v.optional(
      mapping(
        {
          window: v.optional(wholeNumber(64, 4096, 512), 512),
          sprayPackets: v.optional(wholeNumber(1, 1_000_000, 50), 50),
          scheduler: v.optional(scheduler, DEFAULT_SCHEDULER),
        },
        '{ window: 512 }',
      ),
      {},
    ),
    queues: v.optional(
      mapping(
        {
          pauses: v.optional(yesOrNo(), true),
          doorbells: v.optional(yesOrNo(), true),
          input: v.optional(mapping({ frames: queueFrames }, '{ frames: 1024 }')),
          receive: v.optional(
            mapping(
              {
                shared: v.optional(yesOrNo()),
                frames: v.optional(queueFrames),
                stopsAll: v.optional(yesOrNo()),
              },
              '{ frames: 1024 }',
            ),
            {},
          ),
        },
        '{ pauses: true }',
      ),
      {},
    ),
    clients: v.optional(
      mapping(
        {
          group: v.optional(groupName),
          sessionsPerUser: v.optional(wholeNumber(1, MAX_CONNECTIONS, 64), 64),
          thread: v.optional(clientsThread, 'services'),
        },
        '{ group: selvage }',
      ),
      {},
    ),
    vnis: list(vni, '[{ vni: 77, vnics: [] }]'),
  },
  'at least host, underlay and vnis',
) satisfies v.GenericSchema<unknown, HostConfig>;

function parseIp(value: string): IpAddress | undefined {
  const ipv4 = parseIpv4(value);
  if (ipv4 !== undefined) return { family: 4, address: ipv4 };
  const ipv6 = parseIpv6(value);
  return ipv6 && { family: 6, address: ipv6 };
}

function exampleWithPrefix(address: string): string {
  return `${address}/${address.includes(':') ? 64 : 24}`;
}

/** Not "this network", not multicast, not reserved. */
function isUnicastIpv4(address: Ipv4Address): boolean {
  const first = address >>> 24;
  return first > 0 && first < 224;
}

/** Neither a group nor an address that needs the name of an interface (RFC 4291 §2.5.6) or is no host's. */
function isHostAddress(ip: IpAddress): boolean {
  if (ip.family === 4) return isUnicastIpv4(ip.address);
  const [first, second, third] = ip.address;
  const isLinkLocal = first >>> 22 === 0xfe80 >>> 6;
  return first >>> 24 !== 0xff && !isLinkLocal && (first !== 0 || second !== 0 || third !== 0);
}

/** An address of a host: no group, no loopback, and neither the network itself nor its broadcast address. */
function isAssignable(cidr: Cidr): boolean {
  if (cidr.family === 6) {
    const [first, ...rest] = cidr.address;
    return first >>> 24 !== 0xff && (first !== 0 || rest[0] !== 0 || rest[1] !== 0);
  }
  if (!isUnicastIpv4(cidr.address) || cidr.address >>> 24 === 127) return false;
  const hostBits = 32 - cidr.prefixLength;
  if (hostBits < 2) return true;
  const hostPart = cidr.address % 2 ** hostBits;
  return hostPart !== 0 && hostPart !== 2 ** hostBits - 1;
}
