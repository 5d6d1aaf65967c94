// A small cloud in network namespaces: hosts, leaves, spines and tenants' machines, with links that can be broken.
// A lab touches only namespaces that it made. It lives and dies with the process that brought it up (a crash is
// cleaned up by whichever lab command comes next), or, if detached, stays up until it is taken down.
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { SelvageError } from '../src/base/errors.ts';
import { fabricAddresses, type TenantAddresses, tenantAddresses } from './addressing.ts';
import { type AgentHost, type AgentOptions, agentConfig, startAgent } from './agents.ts';
import { applyFaults } from './apply-faults.ts';
import { buildFabric, destroyLab, netnsOf } from './build.ts';
import { type ConditionChange, type LinkConditions, mergeConditions } from './conditions.ts';
import { type Finished, type RunOptions, runInNetns, spawnInNetns } from './execute.ts';
import { planFaults } from './faults.ts';
import { beforeInterrupt, unlessInterrupted } from './interrupt.ts';
import { cableLine, kernelVxlanPlan } from './kernel-vxlan.ts';
import { unknownName } from './names.ts';
import { namespacesWithPrefix } from './namespaces.ts';
import { endProcess, type ProcessId, processId } from './process.ts';
import {
  chooseState,
  isAbandoned,
  LAB_NAME,
  type LabProcess,
  type LabState,
  netnsPrefix,
  readState,
  readStates,
  runFolder,
  withLabState,
  withLabsLock,
  writeState,
} from './state.ts';
import { type LabStatus, readStatus } from './status.ts';
import { batch, requirePrivilege } from './tools.ts';
import { defaultTopology, type NodeRole, type Topology, type TopologyLink } from './topology.ts';

export interface LabOptions {
  readonly topology?: Topology;
  /** Lower-case letters and digits; else the first free number. */
  readonly name?: string;
  /** What to do before the lab counts as up; if it fails, the lab is taken down. */
  readonly prepare?: (lab: Lab) => Promise<void>;
  /** Stays up when this process ends. */
  readonly detached?: boolean;
  readonly progress?: (line: string) => void;
}

export interface LabNode {
  readonly name: string;
  readonly role: NodeRole;
  /** The name of its network namespace. */
  readonly netns: string;
  /** In the underlay; tenants have none there. */
  readonly address: string | undefined;
}

export class Lab {
  readonly name: string;
  readonly topology: Topology;
  readonly tenants: readonly TenantAddresses[];
  /** For what belongs to the lab while it is up: configurations, sockets, logs. */
  readonly runFolder: string;
  private readonly forgetInterrupt: () => void;
  private readonly started = new Set<ProcessId>();
  private building: Promise<void> = Promise.resolve();

  private constructor({ name, topology }: LabState, ownedHere: boolean) {
    this.name = name;
    this.topology = topology;
    this.tenants = tenantAddresses(topology);
    this.runFolder = runFolder(name);
    this.forgetInterrupt = ownedHere ? beforeInterrupt(() => this.down()) : () => {};
  }

  /** Brings a lab up, or throws and leaves nothing behind. */
  static async up(options: LabOptions = {}): Promise<Lab> {
    const { topology = defaultTopology(), detached = false, progress = () => {} } = options;
    requirePrivilege();
    // Refuses a topology with too many tenants before anything is made.
    tenantAddresses(topology);
    const removed = await removeAbandonedLabs();
    if (removed.length > 0) progress(`Removed what ended commands left behind: ${removed.join(', ')}.`);
    const state = await reserve(options.name, topology);
    const lab = new Lab(state, true);
    try {
      progress(`Building ${topology.nodes.length} nodes and ${topology.links.length} links …`);
      lab.building = buildFabric(state);
      await lab.building;
      for (const link of topology.links) await lab.applyConditions(link, () => link.conditions);
      await options.prepare?.(lab);
      if (detached) {
        await withLabState(lab.name, async (current) => writeState({ ...current, owner: undefined }));
        lab.forgetInterrupt();
      }
      return lab;
    } catch (thrown) {
      await unlessInterrupted();
      await lab.down();
      throw thrown;
    }
  }

  /** A lab that is up: the one of that name, or the only one. */
  static open(name?: string): Lab {
    requirePrivilege();
    return new Lab(chooseState(name), false);
  }

  node(name: string): LabNode {
    const found = named('node', name, this.topology.nodes);
    return { ...found, netns: netnsOf(this.name, name), address: fabricAddresses(this.topology).get(name) };
  }

  link(name: string): TopologyLink {
    return named('link', name, this.topology.links);
  }

  tenant(name: string): TenantAddresses {
    return named('tenant', name, this.tenants);
  }

  /** Starts a program in a node; one that is missing is fetched (programs.ts). It ends with the lab at the latest. */
  async exec(node: string, argv: readonly string[], options: SpawnOptions = {}): Promise<ChildProcess> {
    const child = await spawnInNetns(this.node(node).netns, argv, options);
    const started = child.pid === undefined ? undefined : processId(child.pid);
    if (started !== undefined) {
      this.started.add(started);
      child.once('exit', () => this.started.delete(started));
    }
    return child;
  }

  /** Runs a program in a node to its end. Throws unless it exits with 0 (or `anyStatus` is set). */
  run(node: string, argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return runInNetns(this.node(node).netns, argv, options);
  }

  /** Changes the aspects named; undefined heals one. Either all of the change is made or none. */
  async setLink(name: string, change: ConditionChange): Promise<LinkConditions> {
    return this.applyConditions(this.link(name), (old) => mergeConditions(old, change));
  }

  /** Back to what the topology says of the link. */
  async resetLink(name: string): Promise<LinkConditions> {
    const link = this.link(name);
    return this.applyConditions(link, () => link.conditions);
  }

  /**
   * Packets on the link have computed checksums and at most the MTU's size, as between machines. Without it veth hands
   * unfinished packets over whole, which only another kernel can take.
   */
  async setRealWire(name: string, on: boolean): Promise<void> {
    await this.setLink(name, { realWire: on ? true : undefined });
  }

  /** Gives tenants an interface vx0 to the kernel's VXLAN; those that have one keep it. */
  async attachKernelVxlan(
    tenants: readonly string[] = this.tenants.map((tenant) => tenant.name),
  ): Promise<void> {
    const asked = tenants.map((tenant) => this.tenant(tenant));
    await withLabState(this.name, async (state) => {
      const { mtu } = this.topology;
      const old = this.tenants.filter((tenant) => state.kernelTenants.includes(tenant.name));
      const wanted = this.tenants.filter((tenant) => old.includes(tenant) || asked.includes(tenant));
      const added = wanted.filter((tenant) => !old.includes(tenant));
      const netns = (node: string) => netnsOf(this.name, node);
      const cables = added.map((tenant) => cableLine(tenant, mtu, netns));
      await batch('ip', netns(this.topology.nodes[0]!.name), cables);
      const plan = kernelVxlanPlan(old, wanted, mtu);
      await Promise.all(
        plan.map(async ({ node, ip, bridge }) => {
          await batch('ip', netns(node), [...ip]);
          await batch('bridge', netns(node), [...bridge]);
        }),
      );
      writeState({ ...state, kernelTenants: wanted.map((tenant) => tenant.name) });
    });
  }

  /** Starts Selvage agents and waits until they are ready: tenants then have sel0. Hosts that run one are an error. */
  async startAgents(hosts: readonly string[] = this.hosts(), options: AgentOptions = {}): Promise<void> {
    const nodes = hosts.map((host) => this.host(host));
    const netns = (tenant: string) => netnsOf(this.name, tenant);
    const starting = nodes.map((host) =>
      startAgent(host, agentConfig(host, this.tenants, netns, options), options),
    );
    const started = await Promise.allSettled(starting);
    const processes = started.filter((result) => result.status === 'fulfilled').map((result) => result.value);
    const isReplaced = (old: LabProcess) =>
      old.kind === 'agent' && processes.some((process) => process.subject === old.subject);
    await withLabState(this.name, async (state) => {
      writeState({
        ...state,
        processes: [...state.processes.filter((old) => !isReplaced(old)), ...processes],
      });
    });
    const failed = started.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Ends agents as an operator would; the interfaces of the tenants stay. */
  async stopAgents(hosts: readonly string[] = this.hosts()): Promise<void> {
    for (const host of hosts) this.host(host);
    await withLabState(this.name, async (state) => {
      const stopped = state.processes.filter(
        ({ kind, subject }) => kind === 'agent' && hosts.includes(subject),
      );
      await Promise.all(stopped.map((process) => endProcess(process)));
      writeState({ ...state, processes: state.processes.filter((process) => !stopped.includes(process)) });
    });
  }

  status(): Promise<LabStatus> {
    return readStatus(chooseState(this.name));
  }

  /** Ends what runs in the lab and removes it. */
  async down(): Promise<void> {
    // Namespaces must not appear while they are being removed.
    await this.building.catch(() => {});
    await withLabsLock(async () => {
      // Those just started may not have entered their namespace yet, where they would be found.
      await Promise.all([...this.started].map((process) => endProcess(process)));
      const state = readState(this.name);
      if (state !== undefined) await destroyLab(state);
    });
    this.forgetInterrupt();
  }

  private hosts(): string[] {
    return this.topology.nodes.filter((node) => node.role === 'host').map((node) => node.name);
  }

  private host(name: string): AgentHost {
    if (!this.hosts().includes(name)) throw unknownName('host', name, this.hosts());
    const { netns, address } = this.node(name);
    return { name, netns, address: address!, mtu: this.topology.mtu, runFolder: this.runFolder };
  }

  private applyConditions(
    link: TopologyLink,
    next: (old: LinkConditions) => LinkConditions,
  ): Promise<LinkConditions> {
    return withLabState(this.name, async (state) => {
      const old = state.conditions[link.name] ?? {};
      const wanted = next(old);
      let current = state;
      const remember = (changed: LabState) => {
        current = changed;
        writeState(current);
      };
      const plan = (from: LinkConditions, to: LinkConditions) =>
        planFaults(link, this.topology.mtu, from, to);
      try {
        await applyFaults(state, plan(old, wanted), remember);
      } catch (thrown) {
        // The way back may meet what was never done: each step for itself.
        for (const step of plan(wanted, old)) await applyFaults(current, [step], remember).catch(() => {});
        throw thrown;
      }
      remember({ ...current, conditions: { ...state.conditions, [link.name]: wanted } });
      return wanted;
    });
  }
}

function named<T extends { readonly name: string }>(kind: string, name: string, all: readonly T[]): T {
  const found = all.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  throw unknownName(
    kind,
    name,
    all.map((candidate) => candidate.name),
  );
}

/** Labs whose owner ended without taking them down; their names. */
export async function removeAbandonedLabs(): Promise<string[]> {
  return withLabsLock(async () => {
    const abandoned = readStates().filter(isAbandoned);
    for (const state of abandoned) await destroyLab(state);
    return abandoned.map((state) => state.name);
  });
}

/** Takes a name and writes the state file, so that whatever is made from here on is found again. */
function reserve(wanted: string | undefined, topology: Topology): Promise<LabState> {
  return withLabsLock(async () => {
    const owner = processId(process.pid);
    const state = { owner, topology, conditions: {}, segmentLimits: {}, kernelTenants: [], processes: [] };
    const name = wanted ?? firstFreeNumber();
    if (!LAB_NAME.test(name)) {
      throw new SelvageError('bad-input', `“${name}” is not a name for a lab.`, {
        hint: 'Use up to 16 lower-case letters and digits.',
      });
    }
    if (isTaken(name)) {
      throw new SelvageError('in-use', `A lab named ${name} is up already.`, {
        hint: `Take it down (selvage lab down --lab ${name}), or choose another name.`,
      });
    }
    writeState({ name, ...state });
    return { name, ...state };
  });
}

function firstFreeNumber(): string {
  let number = 1;
  while (isTaken(String(number))) number++;
  return String(number);
}

function isTaken(name: string): boolean {
  return readState(name) !== undefined || namespacesWithPrefix(netnsPrefix(name)).length > 0;
}
