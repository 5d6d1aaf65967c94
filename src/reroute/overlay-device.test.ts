// Outputs of iproute2 6.1, shortened to what matters and what is near it.
import { expect, test } from 'vitest';
import { SelvageError } from '../base/errors.ts';
import { formatHostAddress } from '../wire/address.ts';
import { chooseDevice, chooseDevices, peersIn } from './overlay-device.ts';

const lo = { ifindex: 1, ifname: 'lo' };
const eth0 = { ifindex: 2, ifname: 'eth0', linkinfo: { info_kind: 'veth' } };
const vxlan = (ifindex: number, ifname: string, info_data: object) => ({
  ifindex,
  ifname,
  linkinfo: { info_kind: 'vxlan', info_data },
});
const flannel = vxlan(4, 'flannel.1', {
  id: 1,
  local: '10.9.0.1',
  link: 'eth0',
  port: 8472,
  learning: false,
});
const cilium = vxlan(5, 'cilium_vxlan', { external: true, id: 0, port: 8473 });
const v6 = vxlan(6, 'v6', { id: 5, local6: 'fd00:9::1', port: 4789, udp_zero_csum6_rx: true });

const text = (...links: object[]) => JSON.stringify(links);

function complaint(links: string, name?: string): string {
  try {
    chooseDevice(links, name);
  } catch (error) {
    return SelvageError.from(error).toString();
  }
  throw new Error('it was taken');
}

test('the only device is taken, without a name', () => {
  expect(chooseDevice(text(lo, {}, eth0, flannel), undefined)).toEqual({
    name: 'flannel.1',
    index: 4,
    port: 8472,
    local: 0x0a090001,
    underlay: 'eth0',
    remote: undefined,
  });
});

test('a device that is told peer by peer where to send has no address of its own', () => {
  expect(chooseDevice(text(flannel, cilium), 'cilium_vxlan')).toMatchObject({ port: 8473, local: undefined });
});

test('several by their names', () => {
  const links = text(lo, flannel, cilium);
  const names = (...wanted: string[]) => chooseDevices(links, wanted).map(({ name }) => name);
  expect(names('cilium_vxlan', 'flannel.1')).toEqual(['cilium_vxlan', 'flannel.1']);
  expect(() => names('flannel.1', 'vxlan0')).toThrow('There is no device vxlan0 here.');
  expect(() => names()).toThrow('There are several VXLAN devices here.');
});

test('IPv6', () => {
  expect(chooseDevice(text(v6), 'v6').local).toEqual([0xfd000009, 0, 0, 1]);
});

test('what is there is said with what is wrong', () => {
  expect(complaint(text(lo, eth0, flannel, cilium))).toBe(
    'There are several VXLAN devices here.\n  Name one with --dev: flannel.1 (UDP port 8472), cilium_vxlan (UDP port 8473).',
  );
  expect(complaint(text(lo, eth0, flannel), 'vxlan0')).toBe(
    'There is no device vxlan0 here.\n  VXLAN devices here are flannel.1 (UDP port 8472).',
  );
  expect(complaint(text(lo, eth0, flannel), 'eth0')).toMatch(
    /^eth0 is no VXLAN device but of the kind veth\.\n/,
  );
  expect(complaint(text(lo, flannel), 'lo')).toMatch(/^lo is no VXLAN device\.\n/);
  expect(complaint(text(lo))).toMatch(/^There is no VXLAN device here\.\n {2}`ip -d link/);
  expect(complaint(text(lo), 'vxlan0')).toMatch(/^There is no device vxlan0 here\.\n {2}`ip -d link/);
  expect(complaint(text({ ...flannel, link_netnsid: 0 }))).toMatch(
    /^flannel\.1 sends by another network namespace/,
  );
});

test('peers are what packets are sent to, each once, and no groups', () => {
  const fdb = [
    { mac: '02:00:00:00:00:02', dst: '10.9.0.3', port: 9999, flags: ['self'] },
    { mac: '02:00:00:00:00:01', dst: '10.9.0.3', flags: ['self'], state: 'permanent' },
    { mac: '00:00:00:00:00:00', dst: '10.9.0.2', flags: ['self'], state: 'permanent' },
    { mac: '02:00:00:00:00:03', dst: '10.9.0.2', port: 8472 },
    { mac: '00:00:00:00:00:00', dst: '239.1.1.1', via: 'eth0' },
    { mac: '00:00:00:00:00:00', dst: 'ff05::1' },
    { mac: '33:33:00:00:00:01', flags: ['self'] },
    { mac: '02:00:00:00:00:04', dst: 'fd00:9::2' },
  ];
  const peers = peersIn(JSON.stringify(fdb), { port: 8472 });
  expect(peers.map(formatHostAddress)).toEqual(['10.9.0.3', '10.9.0.2', 'fd00:9::2']);
  expect(peersIn('', { port: 8472 })).toEqual([]);
});
