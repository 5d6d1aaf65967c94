import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfig } from '../src/agent/config.ts';
import { formatHostAddress, formatMac } from '../src/wire/address.ts';
import { fabricAddresses, tenantAddresses } from './addressing.ts';
import { type AgentHost, agentConfig } from './agents.ts';
import { defaultTopology } from './topology.ts';

const topology = defaultTopology();
const tenants = tenantAddresses(topology);
const host = (name: string): AgentHost => ({
  name,
  netns: `selvage-1-${name}`,
  address: fabricAddresses(topology).get(name)!,
  mtu: 1500,
  runFolder: '/run/selvage/labs/1',
});
const netns = (tenant: string) => `selvage-1-${tenant}`;

test('every host’s configuration is one that the agent takes', () => {
  for (const rack of topology.racks) {
    for (const name of rack.hosts) {
      const config = parseConfig(stringify(agentConfig(host(name), tenants, netns)), `${name}.yaml`);
      expect(config.host).toBe(name);
      expect(formatHostAddress(config.underlay.address.address)).toBe(host(name).address);
    }
  }
});

test('hosts agree on who is where', () => {
  const [one, three] = ['host1', 'host3'].map((name) =>
    parseConfig(stringify(agentConfig(host(name), tenants, netns)), `${name}.yaml`),
  );
  const local = three!.vnis[0]!.vnics[0]!;
  const remote = one!.vnis[0]!.remotes.find(({ vtep }) => vtep.address === three!.underlay.address.address)!;
  expect(remote.vnics.map(({ mac }) => formatMac(mac))).toEqual([formatMac(local.mac)]);
  expect(one!.vnis[0]!.remotes).toHaveLength(3);
});

test('what is asked for is in it, and the last word is the caller’s', () => {
  const edit = (config: ReturnType<typeof agentConfig>) => ({ ...config, host: 'renamed' });
  const config = agentConfig(host('host1'), tenants, netns, { reliable: false, window: 64, edit });
  expect(config).toMatchObject({ host: 'renamed', transport: { window: 64 }, vnis: [{ reliable: false }] });
});
