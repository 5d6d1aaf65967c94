// One bad value at a time, and the exact complaint about it.
import { describe, expect, test } from 'vitest';
import { changed, complaintsAbout } from './sample.testing.ts';

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
      `host: host1\nruntimeDir: /${'x'.repeat(94)}`,
      "2:13: runtimeDir: is longer than 94 bytes, and a socket's path has no room for more; choose a shorter path",
    ],
    [
      'host: host1',
      'host: host1\ntransport: { window: 8 }',
      '2:22: transport.window: 8 is not a whole number from 64 to 4096; write it like 512',
    ],
    [
      'host: host1',
      'host: host1\ntransport: { sprayPackets: 0 }',
      '2:28: transport.sprayPackets: 0 is not a whole number from 1 to 1000000; write it like 50',
    ],
    [
      'host: host1',
      'host: host1\ntransport: { scheduler: fifo }',
      '2:25: transport.scheduler: fifo is not a scheduler; write drr or edf',
    ],
    [
      'host: host1',
      'host: host1\nclients: { group: a b }',
      '2:19: clients.group: "a b" is not the name of a group; write it like selvage',
    ],
    [
      'host: host1',
      'host: host1\nthreads: 9',
      '2:10: threads: 9 is not a whole number from 1 to 8; write it like 2',
    ],
    [
      'host: host1',
      'host: host1\nclients: { sessionsPerUser: 0 }',
      '2:29: clients.sessionsPerUser: 0 is not a whole number from 1 to 256; write it like 64',
    ],
    [
      'host: host1',
      'host: host1\nclients: { thread: own }',
      '2:20: clients.thread: own is not a thread that can serve clients; write services or data',
    ],
    ['host: host1', 'host: host1\ntransport:', '2:1: transport: has no value; write { window: 512 }'],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.300',
      '3:12: underlay.address: "10.0.1.300" is not an IP address; write it like 10.0.1.1',
    ],
    [
      '  address: 10.0.1.1',
      "  address: 'fe80::1'",
      '3:12: underlay.address: fe80::1 is not the address of a host that others reach; write it like fd00::1',
    ],
    [
      '  address: 10.0.1.1',
      "  address: 'fd00::1'",
      "12:15: vnis[0].remotes[0].vtep: 10.0.2.1 is an IPv4 address and this host's is IPv6; give all hosts addresses of one family",
    ],
    [
      '  address: 10.0.1.1',
      '  address: 224.0.0.1',
      '3:12: underlay.address: 224.0.0.1 is not the address of a host that others reach; write it like 10.0.1.1',
    ],
    ['  address: 10.0.1.1', '  port: 4789', '2:1: underlay.address: is missing; write address: 10.0.1.1'],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  port: "4789"',
      '4:9: underlay.port: "4789" is not a whole number from 1 to 65535; write it like 4789',
    ],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  sourcePorts: 65505',
      '4:16: underlay.sourcePorts: 65505 is not a whole number from 1 to 65504; write it like 49152',
    ],
    [
      '  address: 10.0.1.1',
      '  address: 10.0.1.1\n  sourcePorts: 4758',
      "4:16: underlay.sourcePorts: the source ports are 4758 to 4789, which includes the overlay's port 4789; write it like 49152",
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
      '8:9: vnis[0].vnics[0].colour: there is no such field; there are name, endpoint, group, netns, mac, addresses, mtu, sourceCheck, accept, receiveRate',
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
    [
      netns,
      `${netns}\n        endpoint: true`,
      '8:16: vnis[0].vnics[0].netns: an endpoint is in no namespace; leave it out',
    ],
    [
      netns,
      `${netns}\n        group: selvage`,
      '9:16: vnis[0].vnics[0].group: is for endpoints, and this is an interface; write endpoint: true or leave it out',
    ],
    [
      netns,
      '        endpoint: 1',
      '8:19: vnis[0].vnics[0].endpoint: 1 is not true or false; write it like true',
    ],
    [remote, `${remote}\n  - 78`, '15:5: vnis[1]: 78 is not a mapping; write { vni: 77, vnics: [] }'],
  ])('%s → %s', (line, replacement, complaint) => {
    expect(complaintsAbout(changed(line, replacement))).toEqual(`h.yaml:${complaint}`.split('\n'));
  });

  test.each<[string, string]>([
    [
      'accept: [{ protocol: sctp }]',
      '11:30: vnis[0].vnics[0].accept[0].protocol: "sctp" is not tcp, udp, icmp or the number of an IP protocol; write it like tcp',
    ],
    [
      'accept: [{ port: 70000 }]',
      '11:26: vnis[0].vnics[0].accept[0].port: 70000 is not a port or a range of ports; write it like 6379 or 32768-60999',
    ],
    [
      'accept: [{ port: 20-10 }]',
      '11:26: vnis[0].vnics[0].accept[0].port: "20-10" is not a port or a range of ports; write it like 6379 or 32768-60999',
    ],
    [
      'accept: [{ protocol: icmp, port: 7 }]',
      '11:18: vnis[0].vnics[0].accept[0]: has a port, and only tcp and udp have ports; leave the port out',
    ],
    [
      'accept: [{ from: 192.168.77.0 }]',
      '11:26: vnis[0].vnics[0].accept[0].from: 192.168.77.0 has no prefix length; write it like 192.168.77.0/32',
    ],
    [
      'accept: [{ protocl: tcp }]',
      '11:20: vnis[0].vnics[0].accept[0].protocl: there is no such field; did you mean protocol?',
    ],
    [
      'accept: { protocol: tcp }',
      '11:17: vnis[0].vnics[0].accept: a mapping is not a list; write it like [{ protocol: tcp, port: 6379, from: 192.168.77.0/24 }]',
    ],
    [
      'receiveRate: 100mb',
      '11:22: vnis[0].vnics[0].receiveRate: "100mb" is not a rate of at least 64kbit; write it like 100mbit',
    ],
    [
      'receiveRate: 1kbit',
      '11:22: vnis[0].vnics[0].receiveRate: "1kbit" is not a rate of at least 64kbit; write it like 100mbit',
    ],
  ])('a vNIC with %s', (field, complaint) => {
    expect(complaintsAbout(changed(addresses, `${addresses}\n        ${field}`))).toEqual([
      `h.yaml:${complaint}`,
    ]);
  });
});
