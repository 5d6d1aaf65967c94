// Where packets go: two namespaces joined by a veth pair, for sockets; and in one of them an agent with two endpoints.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startAgent } from '../../../lab/agents.ts';
import { endProcess } from '../../../lab/process.ts';
import type { LabProcess } from '../../../lab/state.ts';
import { batch, requirePrivilege } from '../../../lab/tools.ts';
import { SelvageError } from '../../../src/base/errors.ts';
import { interfaceIndex } from '../../../src/linux/interfaces.ts';
import { inNetns, makeNetns, type PrivateNetns } from '../../../src/linux/netns.ts';
import { builtProgram } from '../built-program.ts';
import type { StreamFigures, StreamName, StreamSpec } from './cases.ts';

const SENDER = { mac: '02:00:00:00:92:01', address: '192.168.92.1' };
const RECEIVER = { mac: '02:00:00:00:92:02', address: '192.168.92.2' };
const DEVICE = 'veth0';
const UNDERLAY_MTU = 1600;

export class StreamSetting {
  private readonly folder: string;
  private readonly sender: PrivateNetns;
  private readonly receiver: PrivateNetns;
  private agent: LabProcess | undefined;

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'selvage-endpoint-'));
    this.sender = makeNetns();
    this.receiver = makeNetns();
  }

  static async make(): Promise<StreamSetting> {
    requirePrivilege();
    const setting = new StreamSetting();
    await batch('ip', setting.sender.path, [
      'link set lo up',
      `link add ${DEVICE} address ${SENDER.mac} type veth peer name ${DEVICE} address ${RECEIVER.mac} netns ${setting.receiver.path}`,
      `address add ${SENDER.address}/24 dev ${DEVICE}`,
      `link set ${DEVICE} up`,
    ]);
    await batch('ip', setting.receiver.path, [
      `address add ${RECEIVER.address}/24 dev ${DEVICE}`,
      `link set ${DEVICE} up`,
    ]);
    setting.agent = await setting.startAgent();
    return setting;
  }

  async measure(
    name: StreamName,
    packetBytes: number,
    warmUpMillis: number,
    millis: number,
  ): Promise<StreamFigures> {
    const spec: StreamSpec = { name, packetBytes, warmUpMillis, millis };
    const receiver = this.start(this.receiver, 'receive', {
      ...spec,
      ...this.own('b', this.receiver, SENDER.mac),
    });
    const lines = createInterface({ input: receiver.stdout! });
    const said = lines[Symbol.asyncIterator]();
    let sender: ChildProcess | undefined;
    try {
      if (name !== 'messagePort') {
        await said.next();
        const to = name === 'afPacket' ? {} : { address: RECEIVER.address };
        sender = this.start(this.sender, 'send', {
          ...spec,
          ...this.own('a', this.sender, RECEIVER.mac),
          ...to,
        });
      }
      const { value } = await said.next();
      if (value === undefined) throw new SelvageError('failed', `Nothing was received by ${name}.`);
      return JSON.parse(value) as StreamFigures;
    } finally {
      receiver.kill('SIGKILL');
      sender?.kill('SIGKILL');
      await Promise.all(
        [receiver, sender].map(
          (child) => child && child.exitCode === null && child.signalCode === null && once(child, 'exit'),
        ),
      );
    }
  }

  async remove(): Promise<void> {
    if (this.agent !== undefined) await endProcess(this.agent);
    this.sender.close();
    this.receiver.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private own(vnic: string, netns: PrivateNetns, mac: string) {
    const device = inNetns(netns.path, () => interfaceIndex(DEVICE));
    return { vnic, socket: join(this.folder, 'run', `endpoint-${vnic}.sock`), device, mac };
  }

  private start({ path }: PrivateNetns, role: string, spec: StreamSpec): ChildProcess {
    const argv = [
      `--net=${path}`,
      process.execPath,
      builtProgram('packet-stream'),
      role,
      JSON.stringify(spec),
    ];
    return spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  private startAgent(): Promise<LabProcess> {
    const host = {
      name: 'bench',
      netns: this.sender.path,
      address: '127.0.0.92',
      mtu: UNDERLAY_MTU,
      runFolder: this.folder,
    };
    const vnics = [
      { name: 'a', endpoint: true, mac: SENDER.mac, addresses: [`${SENDER.address}/24`] },
      { name: 'b', endpoint: true, mac: RECEIVER.mac, addresses: [`${RECEIVER.address}/24`] },
    ];
    const config = {
      host: 'bench',
      runtimeDir: join(this.folder, 'run'),
      underlay: { address: '127.0.0.92', port: 4789, mtu: UNDERLAY_MTU },
      vnis: [{ vni: 92, reliable: true, vnics, remotes: [] }],
    };
    return startAgent(host, config, {});
  }
}
