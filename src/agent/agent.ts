// The agent of one host: everything that can fail is tried before anything is changed, and what was made is unmade
// when a later step fails. The tenants' interfaces stay when the agent goes; the next one takes them up.

import { randomInt } from 'node:crypto';
import { openUnderlay } from '../device/udp.ts';
import type { Tool } from '../linux/ip.ts';
import { close } from '../linux/libc.ts';
import { SLOTS } from '../paths/path-table.ts';
import { serveAdmin } from './admin.ts';
import { type CaptureOptions, type CaptureStart, captureNames, openCaptureFiles } from './capture.ts';
import type { HostConfig } from './config.ts';
import { DataThread } from './data-thread-handle.ts';
import { statusOf } from './report.ts';
import { switchConfig } from './switch-config.ts';
import { TapDrops } from './tap-drops.ts';
import { underlayMtu } from './underlay-mtu.ts';
import { applyVnics, planVnics, unmakeVnics, type VnicPlan } from './vnics.ts';

export interface AgentSurroundings {
  readonly version: string;
  /** The program `ip`. */
  readonly ip: Tool;
  readonly capture: CaptureOptions;
}

/** Runs until SIGTERM or SIGINT; throws SelvageError when the agent cannot start or its data thread fails. */
export async function runAgent(
  config: HostConfig,
  { version, ip, capture: options }: AgentSurroundings,
): Promise<void> {
  const startedAt = Date.now();
  const mtu = underlayMtu(config.underlay);
  const vnics = planVnics(config, mtu);
  let thread: DataThread | undefined;
  let tapDrops: TapDrops | undefined;
  const facts = { config, version, startedAt, underlayMtu: mtu, vnics };
  const admin = await serveAdmin(config.runtimeDir, {
    isReady: () => thread !== undefined,
    status: async () => statusOf(facts, await thread!.report(), tapDrops!.since()),
  });
  const opened: number[] = [];
  try {
    const { address, port, sourcePorts } = config.underlay;
    const underlay = openUnderlay(address.address, port, sourcePorts, SLOTS);
    opened.push(underlay.receive, ...underlay.send);
    const capture = prepareCapture(options, config, vnics, opened);
    const taps = await applyVnics(vnics, ip);
    tapDrops = new TapDrops(vnics);
    const tapFds = taps.map(({ fd }) => fd);
    opened.push(...tapFds);
    const seed = randomInt(0x1_0000_0000);
    const start = { config: switchConfig(config, mtu), taps: tapFds, underlay, seed, capture };
    const sayGone = (port: number) => {
      const { name, netns = 'this namespace' } = vnics[port]!;
      console.error(`selvage: ${name} in ${netns} was removed; restart the agent to make it again`);
    };
    const script = new URL('./data-thread.js', import.meta.url);
    thread = await DataThread.start(start, script, sayGone).catch((error) => {
      unmakeVnics(taps);
      throw error;
    });
    console.error(`selvage: agent of ${config.host} forwards packets (pid ${process.pid})`);
    await Promise.race([stopSignal(), thread.failed]);
    await thread.stop();
  } finally {
    for (const fd of opened) close(fd);
    admin.closeAllConnections();
    admin.close();
  }
}

function prepareCapture(
  { trace, pcap }: CaptureOptions,
  { underlay }: HostConfig,
  vnics: readonly VnicPlan[],
  opened: number[],
): CaptureStart | undefined {
  if (!trace && pcap === undefined) return undefined;
  const names = captureNames(vnics);
  const files = pcap === undefined ? undefined : openCaptureFiles(pcap, names, opened);
  const { address, port, sourcePorts } = underlay;
  return { trace, names, files, ends: { address: address.address, port, sourcePort: sourcePorts } };
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
