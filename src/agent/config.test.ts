// A table of bad files with the exact complaint about each, and what a good file becomes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SelvageError } from '../base/errors.ts';
import { parseIpv4, parseIpv6, parseMac } from '../wire/address.ts';
import { loadConfig, overheadBytes, parseConfig, type VnicConfig, vnicMtu } from './config.ts';

const good = `host: host1
underlay:
  address: 10.0.1.1
vnis:
  - vni: 77
    vnics:
      - name: sel0
        netns: tenant1
        mac: 02:00:00:00:77:01
        addresses: [192.168.77.1/24, 'fd00:77::1/64']
    remotes:
      - vtep: 10.0.2.1
        vnics:
          - { mac: 02:00:00:00:77:03, addresses: [192.168.77.3] }
`;

function complaintsAbout(source: string): string[] {
  try {
    parseConfig(source, 'h.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(SelvageError);
    expect(error).toMatchObject({ code: 'bad-config' });
    return (error as SelvageError).message.split('\n');
  }
  return [];
}

/** The good file with one line replaced; fails when that line is not there. */
function changed(line: string, replacement: string): string {
  expect(good).toContain(`${line}\n`);
  return good.replace(line, replacement);
}

describe('a good file', () => {
  test('becomes values with defaults', () => {
    expect(parseConfig(good, 'h.yaml')).toEqual({
      host: 'host1',
      runtimeDir: '/run/selvage',
      underlay: { address: parseIpv4('10.0.1.1'), port: 4789, sourcePorts: 49152 },
      transport: { window: 512 },
      vnis: [
        {
          vni: 77,
          reliable: true,
          vnics: [
            {
              name: 'sel0',
              netns: '/run/netns/tenant1',
              mac: parseMac('02:00:00:00:77:01'),
              addresses: [
                { family: 4, address: parseIpv4('192.168.77.1'), prefixLength: 24 },
                { family: 6, address: parseIpv6('fd00:77::1'), prefixLength: 64 },
              ],
              sourceCheck: true,
            },
          ],
          remotes: [
            {
              vtep: parseIpv4('10.0.2.1'),
              vnics: [
                {
                  mac: parseMac('02:00:00:00:77:03'),
                  addresses: [{ family: 4, address: parseIpv4('192.168.77.3') }],
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test('may say everything that has a default', () => {
    const config = parseConfig(
      `host: h
runtimeDir: /tmp/selvage
underlay: { address: 10.0.1.1, port: 8472, sourcePorts: 50000, mtu: 9000 }
transport: { window: 4096 }
vnis:
  - { vni: 1, reliable: false, vnics: [{ name: a, netns: /proc/1/ns/net, mac: 02-00-00-00-00-01, mtu: 8000, sourceCheck: false }] }
`,
      'h.yaml',
    );
    expect(config).toMatchObject({
      runtimeDir: '/tmp/selvage',
      underlay: { port: 8472, sourcePorts: 50000, mtu: 9000 },
      transport: { window: 4096 },
      vnis: [
        { reliable: false, vnics: [{ netns: '/proc/1/ns/net', mtu: 8000, sourceCheck: false }], remotes: [] },
      ],
    });
  });

  test('cannot be changed afterwards', () => {
    const config = parseConfig(good, 'h.yaml');
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.vnis[0]!.vnics[0]!.addresses[0])).toBe(true);
  });

  test.each(['host-a.yaml', 'host-b.yaml'])('examples/two-hosts/%s', (name) => {
    const file = join(import.meta.dirname, '../../examples/two-hosts', name);
    expect(loadConfig(file).vnis[0]!.vnics).toHaveLength(1);
    expect(complaintsAbout(readFileSync(file, 'utf8'))).toEqual([]);
  });

  test('the two examples name each other', () => {
    const load = (name: string) => loadConfig(join(import.meta.dirname, '../../examples/two-hosts', name));
    const [a, b] = [load('host-a.yaml'), load('host-b.yaml')];
    for (const [here, there] of [
      [a, b],
      [b, a],
    ] as const) {
      const remote = here.vnis[0]!.remotes[0]!;
      const vnic = there.vnis[0]!.vnics[0]!;
      expect(remote.vtep).toBe(there.underlay.address);
      expect(remote.vnics[0]!.mac).toBe(vnic.mac);
      expect(vnic.addresses).toMatchObject(remote.vnics[0]!.addresses);
    }
  });
});

describe('one bad value', () => {
  const vni = '  - vni: 77';
  const name = '      - name: sel0';
  const netns = '        netns: tenant1';
  const mac = '        mac: 02:00:00:00:77:01';
  const addresses = "        addresses: [192.168.77.1/24, 'fd00:77::1/64']";
  const remote = '          - { mac: 02:00:00:00:77:03, addresses: [192.168.77.3] }';

  test.each([
    ['host: host1', 'host: 17', '1:7: host: 17 is not a host name; write it like host1'],
    ['host: host1', 'host: "-x"', '1:7: host: "-x" is not a host name; write it like host1'],
    ['host: host1', 'host:', '1:1: host: has no value; write it like host1'],
    [
      'host: host1',
      'hots: host1',
      '1:1: host: is missing; write host: host1\nh.yaml:1:1: hots: there is no such field; did you mean host?',
    ],
    [
      'host: host1',
      'host: host1\nruntimeDir: run',
      '2:13: runtimeDir: "run" is not an absolute path; write it like /run/selvage',
    ],
    [
      'host: host1',
      `host: host1\nruntimeDir: /${'x'.repeat(96)}`,
      "2:13: runtimeDir: is longer than 96 bytes, and a socket's path has no room for more; choose a shorter path",
    ],
    [
      'host: host1',
      'host: host1\ntransport: { window: 8 }',
      '2:22: transport.window: 8 is not a whole number from 16 to 4096; write it like 512',
    ],
    ['host: host1', 'host: host1\ntransport:', '2:1: transport: has no value; write { window: 512 }'],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.300',
      '3:12: underlay.address: "10.0.1.300" is not an IPv4 address; write it like 10.0.1.1',
    ],
    [
      '  address: 10.0.1.1',
      '  address: fd00::1',
      "3:12: underlay.address: is an IPv6 address, and the underlay is IPv4 only so far; write the host's IPv4 address",
    ],
    [
      '  address: 10.0.1.1',
      '  address: 224.0.0.1',
      '3:12: underlay.address: 224.0.0.1 is not the address of a host; write it like 10.0.1.1',
    ],
    ['  address: 10.0.1.1', '  port: 4789', '2:1: underlay.address: is missing; write address: 10.0.1.1'],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  port: "4789"',
      '4:9: underlay.port: "4789" is not a whole number from 1 to 65535; write it like 4789',
    ],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  sourcePorts: 65529',
      '4:16: underlay.sourcePorts: 65529 is not a whole number from 1 to 65528; write it like 49152',
    ],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  sourcePorts: 4782',
      "4:16: underlay.sourcePorts: the source ports are 4782 to 4789, which includes the overlay's port 4789; write it like 49152",
    ],
    [
      vni,
      '  - vni: 16777216',
      '5:10: vnis[0].vni: 16777216 is not a whole number from 1 to 16777215; write it like 77',
    ],
    [
      vni,
      '  - vni: 7.5',
      '5:10: vnis[0].vni: 7.5 is not a whole number from 1 to 16777215; write it like 77',
    ],
    [
      vni,
      '  - vni: 77\n    reliable: maybe',
      '6:15: vnis[0].reliable: "maybe" is not true or false; write it like true',
    ],
    [vni, '  - reliable: true', '5:5: vnis[0].vni: is missing; write vni: 77'],
    [
      name,
      '      - name: a-name-too-long-',
      '7:15: vnis[0].vnics[0].name: "a-name-too-long-" is not an interface name of at most 15 letters, digits, ".", "_" or "-"; write it like sel0',
    ],
    [
      netns,
      '        netns: a/b',
      '8:16: vnis[0].vnics[0].netns: "a/b" is not a namespace\'s name or absolute path; write it like tenant1',
    ],
    [
      netns,
      '        sourcecheck: false',
      '8:9: vnis[0].vnics[0].sourcecheck: there is no such field; did you mean sourceCheck?',
    ],
    [
      netns,
      '        colour: red',
      '8:9: vnis[0].vnics[0].colour: there is no such field; there are name, netns, mac, addresses, mtu, sourceCheck',
    ],
    [
      mac,
      '        mac: 02:00:00:00:77',
      '9:14: vnis[0].vnics[0].mac: "02:00:00:00:77" is not a MAC address; write it like 02:00:00:00:77:01',
    ],
    [
      mac,
      '        mac: 03:00:00:00:77:01',
      '9:14: vnis[0].vnics[0].mac: 03:00:00:00:77:01 is a group address; make its first octet even, like 02:00:00:00:77:01',
    ],
    [
      mac,
      '        mac: 00:00:00:00:00:00',
      '9:14: vnis[0].vnics[0].mac: is the zero address; write it like 02:00:00:00:77:01',
    ],
    [
      addresses,
      '        addresses: 192.168.77.1/24',
      '10:20: vnis[0].vnics[0].addresses: "192.168.77.1/24" is not a list; write it like [192.168.77.1/24]',
    ],
    [
      addresses,
      '        addresses: [192.168.77.1]',
      '10:21: vnis[0].vnics[0].addresses[0]: 192.168.77.1 has no prefix length; write it like 192.168.77.1/24',
    ],
    [
      addresses,
      "        addresses: ['fd00::1']",
      '10:21: vnis[0].vnics[0].addresses[0]: fd00::1 has no prefix length; write it like fd00::1/64',
    ],
    [
      addresses,
      '        addresses: [192.168.77.0/24]',
      "10:21: vnis[0].vnics[0].addresses[0]: 192.168.77.0/24 cannot be a vNIC's address; write it like 192.168.77.1/24",
    ],
    [
      addresses,
      "        addresses: ['ff02::1/64']",
      "10:21: vnis[0].vnics[0].addresses[0]: ff02::1/64 cannot be a vNIC's address; write it like 192.168.77.1/24",
    ],
    [
      addresses,
      '        addresses: []',
      '10:20: vnis[0].vnics[0].addresses: without an address nothing may be sent; give the vNIC an address or write sourceCheck: false',
    ],
    [
      netns,
      '        mtu: 1000',
      '8:14: vnis[0].vnics[0].mtu: 1000 is too small, a vNIC with an IPv6 address needs 1280; write 1280 or more',
    ],
    [
      netns,
      '        mtu: 100',
      '8:14: vnis[0].vnics[0].mtu: 100 is not a whole number from 576 to 65521; write it like 1400',
    ],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  mtu: 1300',
      "8:9: vnis[0].vnics[0].mtu: an underlay MTU of 1300 leaves 1224 bytes, and a vNIC with an IPv6 address needs 1280; raise the underlay's MTU to 1356",
    ],
    [
      '      - vtep: 10.0.2.1',
      '      - vtep: 10.0.1.1',
      "12:15: vnis[0].remotes[0].vtep: 10.0.1.1 is this host's own address; write the other host's",
    ],
    [
      remote,
      '          - { mac: 02:00:00:00:77:01 }',
      '14:20: vnis[0].remotes[0].vnics[0].mac: 02:00:00:00:77:01 is already at vnis[0].vnics[0].mac; give each vNIC of a VNI a MAC of its own',
    ],
    [
      remote,
      '          - { mac: 02:00:00:00:77:03, addresses: [192.168.77.3/24] }',
      '14:51: vnis[0].remotes[0].vnics[0].addresses[0]: 192.168.77.3/24 has a prefix length, which remote vNICs have not; write 192.168.77.3',
    ],
    [
      remote,
      "          - { mac: 02:00:00:00:77:03, addresses: ['fd00:77:0::1'] }",
      '14:51: vnis[0].remotes[0].vnics[0].addresses[0]: fd00:77::1 is already at vnis[0].vnics[0].addresses[1]; give each vNIC of a VNI addresses of its own',
    ],
    [
      remote,
      `${remote}\n      - { vtep: 10.0.2.1, vnics: [] }`,
      '15:17: vnis[0].remotes[1].vtep: 10.0.2.1 is already at vnis[0].remotes[0].vtep; put its vNICs there',
    ],
    [
      remote,
      `${remote}\n  - { vni: 77, vnics: [] }`,
      '15:12: vnis[1].vni: VNI 77 is already at vnis[0].vni; give each VNI once',
    ],
    [
      remote,
      `${remote}\n  - { vni: 78, vnics: [{ name: sel0, netns: /run/netns/tenant1, mac: 02:00:00:00:77:01, addresses: [192.168.77.1/24] }] }`,
      '15:32: vnis[1].vnics[0].name: sel0 in /run/netns/tenant1 is already at vnis[0].vnics[0].name; give each interface of a namespace a name of its own',
    ],
    [remote, `${remote}\n  - 78`, '15:5: vnis[1]: 78 is not a mapping; write { vni: 77, vnics: [] }'],
  ])('%s → %s', (line, replacement, complaint) => {
    expect(complaintsAbout(changed(line, replacement))).toEqual(`h.yaml:${complaint}`.split('\n'));
  });
});

describe('the whole file', () => {
  test.each([
    ['', '1:1: has no value; write at least host, underlay and vnis'],
    ['- 1', '1:1: a list is not a mapping; write at least host, underlay and vnis'],
    ['host: h\nhost: i', '2:1: not valid YAML: Map keys must be unique'],
    ['host: h\n  x: [', '1:7: not valid YAML: Nested mappings are not allowed in compact mappings'],
    ['host: *x', '1:7: nothing before this is named &x; name it, or write the value here'],
    ['a: 1\n---\nb: 2', '2:1: a second document begins here; write one host a file'],
    ['host: !secret h', '1:7: not valid YAML: Unresolved tag: !secret'],
  ])('%j', (source, complaint) => {
    expect(complaintsAbout(source)).toContain(`h.yaml:${complaint}`);
  });

  test('everything wrong is said at once, in the order of the file', () => {
    const bad = good
      .replace('host1', '17')
      .replace('10.0.1.1', '10.0.2.1')
      .replace('mac: 02:00:00:00:77:01', 'mac: nonsense')
      .replace('    remotes:', '    remote: 1\n    remotes:');
    expect(complaintsAbout(bad)).toEqual([
      'h.yaml:1:7: host: 17 is not a host name; write it like host1',
      'h.yaml:9:14: vnis[0].vnics[0].mac: "nonsense" is not a MAC address; write it like 02:00:00:00:77:01',
      'h.yaml:11:5: vnis[0].remote: there is no such field; there are vni, reliable, vnics, remotes',
      "h.yaml:13:15: vnis[0].remotes[0].vtep: 10.0.2.1 is this host's own address; write the other host's",
    ]);
  });

  test('aliases are followed, and those that multiply are refused', () => {
    const shared = good.replace('[192.168.77.1/24,', '&own [192.168.77.1/24,');
    const twice = `${shared}  - { vni: 78, vnics: [{ name: sel1, mac: 02:00:00:00:77:01, addresses: *own, mtu: 600 }] }\n`;
    expect(complaintsAbout(twice)).toEqual([
      'h.yaml:15:84: vnis[1].vnics[0].mtu: 600 is too small, a vNIC with an IPv6 address needs 1280; write 1280 or more',
    ]);
    const laughs = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [before, name] of ['ab', 'bc', 'cd', 'de'] as const) {
      laughs.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`);
    }
    expect(complaintsAbout(laughs.join('\n'))[0]).toContain(
      'h.yaml:1:1: not valid YAML: Excessive alias count',
    );
  });

  test('whatever is done to a file, each complaint names its place', () => {
    const edit = fc.tuple(
      fc.nat(good.length),
      fc.nat(30),
      fc.constantFrom('', '\n', ' ', ':', '- ', '[', "'", '~', '*a', '7', '{}'),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const source = edits.reduce(
          (text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut),
          good,
        );
        for (const line of complaintsAbout(source)) expect(line).toMatch(/^h\.yaml:\d+:\d+: ./);
      }),
    );
  });

  test('a file that is not there', () => {
    expect(() => loadConfig('/nonexistent/h.yaml')).toThrow(
      '/nonexistent/h.yaml cannot be read: there is no such file.',
    );
  });
});

describe('MTU', () => {
  const vnic = (mtu?: number): VnicConfig => ({
    name: 'sel0',
    mac: 2,
    addresses: [],
    sourceCheck: false,
    mtu,
  });

  test('what the headers take', () => {
    expect(overheadBytes(true)).toBe(76);
    expect(overheadBytes(false)).toBe(50);
  });

  test('the default is what is left', () => {
    expect(vnicMtu(true, vnic(), 1500)).toBe(1424);
    expect(vnicMtu(false, vnic(), 1500)).toBe(1450);
    expect(vnicMtu(true, vnic(1400), 1500)).toBe(1400);
    expect(vnicMtu(true, vnic(), 65_536)).toBe(65_460);
  });

  test('an interface that turns out too small is an error', () => {
    expect(() => vnicMtu(true, vnic(1425), 1500)).toThrow(
      'sel0: 1425 does not fit, an underlay MTU of 1500 leaves 1424; write 1424 or less',
    );
    expect(() => vnicMtu(true, vnic(), 600)).toThrow(
      "sel0: an underlay MTU of 600 leaves 524 bytes, and a vNIC needs 576; raise the underlay's MTU to 652",
    );
  });
});
