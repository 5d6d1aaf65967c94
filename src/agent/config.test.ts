// What a good file becomes, and what is said about files that are bad as a whole.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIpv4, parseIpv6, parseMac } from '../wire/address.ts';
import { complaintsAbout, good } from './config/sample.testing.ts';
import { loadConfig, parseConfig } from './config.ts';

describe('a good file', () => {
  test('becomes values with defaults', () => {
    expect(parseConfig(good, 'h.yaml')).toEqual({
      host: 'host1',
      runtimeDir: '/run/selvage',
      threads: 1,
      underlay: { address: { family: 4, address: parseIpv4('10.0.1.1') }, port: 4789, sourcePorts: 49152 },
      transport: { window: 512, sprayPackets: 50, scheduler: 'drr' },
      queues: { pauses: true, doorbells: true, receive: {} },
      clients: { sessionsPerUser: 64, thread: 'services' },
      vnis: [
        {
          vni: 77,
          reliable: true,
          reorder: true,
          congestion: 'swift',
          vnics: [
            {
              name: 'sel0',
              endpoint: false,
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
              vtep: { family: 4, address: parseIpv4('10.0.2.1') },
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
queues: { pauses: false, doorbells: false, input: { frames: 512 }, receive: { shared: true, frames: 256, stopsAll: true } }
clients: { group: selvage, sessionsPerUser: 3, thread: data }
vnis:
  - { vni: 1, reliable: false, vnics: [{ name: a, netns: /proc/1/ns/net, mac: 02-00-00-00-00-01, mtu: 8000, sourceCheck: false }] }
`,
      'h.yaml',
    );
    expect(config).toMatchObject({
      runtimeDir: '/tmp/selvage',
      underlay: { port: 8472, sourcePorts: 50000, mtu: 9000 },
      transport: { window: 4096 },
      queues: {
        pauses: false,
        doorbells: false,
        input: { frames: 512 },
        receive: { shared: true, frames: 256, stopsAll: true },
      },
      clients: { group: 'selvage', sessionsPerUser: 3, thread: 'data' },
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
      expect(remote.vtep).toEqual(there.underlay.address);
      expect(remote.vnics[0]!.mac).toBe(vnic.mac);
      expect(vnic.addresses).toMatchObject(remote.vnics[0]!.addresses);
    }
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
      'h.yaml:11:5: vnis[0].remote: there is no such field; there are vni, reliable, reorder, congestion, vnics, remotes',
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
