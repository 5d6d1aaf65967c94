// Puts an emulator process behind a link of the lab. In each end's namespace a TAP stands beside the veth: what the
// stack sends to the veth is redirected to the TAP, and what the emulator writes to the TAP is received as if it had
// come from the veth. Addresses, routes and neighbours see only the veth.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { netnsOf } from './build.ts';
import type { LinkEnds } from './conditions.ts';
import type { WrittenCounts } from './emulator/spec.ts';
import { startEmulator, writeParameters } from './emulator/start.ts';
import type { EmulatedLink } from './faults.ts';
import { endProcess, isAlive, processId } from './process.ts';
import { type LabProcess, type LabState, runFolder } from './state.ts';
import { batch, tool } from './tools.ts';

/** Classic BPF that matches every packet. */
const MATCH_ALL = "bpf bytecode '1,6 0 0 4294967295,'";

/** Frames that wait in a TAP until the emulator's next turn. */
const TAP_QUEUE_FRAMES = 10_000;

/** The lab's processes afterwards. */
export async function emulateLink(
  state: LabState,
  link: LinkEnds,
  as: EmulatedLink | undefined,
): Promise<readonly LabProcess[]> {
  const running = state.processes.find(({ kind, subject }) => kind === 'emulator' && subject === link.name);
  const others = state.processes.filter((process) => process !== running);
  if (as === undefined) {
    await detach(state, link);
    if (running !== undefined) await endProcess(running);
    return others;
  }
  writeParameters(parametersFile(state.name, link.name), [as, as]);
  if (running !== undefined && isAlive(running)) return state.processes;
  if (running !== undefined) await detach(state, link);
  return [...others, await attach(state, link)];
}

/** What the emulator of a link delivered and dropped, from a to b and back; undefined before it has seen a frame. */
export function readEmulatorCounts(lab: string, link: string): WrittenCounts | undefined {
  try {
    return JSON.parse(readFileSync(countsFile(lab, link), 'utf8'));
  } catch {
    return undefined;
  }
}

async function attach(state: LabState, link: LinkEnds): Promise<LabProcess> {
  const ends = endsOf(state.name, link);
  const { mtu } = state.topology;
  const spec = {
    ends: [toTapEnd(ends[0]), toTapEnd(ends[1])] as const,
    mtu,
    parametersFile: parametersFile(state.name, link.name),
    countsFile: countsFile(state.name, link.name),
    endsWithInput: false,
    seed: 0,
  };
  const child = await startEmulator(spec, join(runFolder(state.name), `emulator-${link.name}.log`));
  const process: LabProcess = { ...processId(child.pid!)!, kind: 'emulator', subject: link.name };
  try {
    for (const end of ends) await prepareTap(end, mtu);
    for (const end of ends) await redirect(end);
    return process;
  } catch (thrown) {
    await endProcess(process);
    throw thrown;
  }
}

interface TapBesideVeth {
  readonly netns: string;
  readonly veth: string;
  readonly tap: string;
}

function endsOf(lab: string, { a, b }: LinkEnds): readonly [TapBesideVeth, TapBesideVeth] {
  return [
    { netns: netnsOf(lab, a), veth: b, tap: `em${b}` },
    { netns: netnsOf(lab, b), veth: a, tap: `em${a}` },
  ];
}

function toTapEnd({ netns, tap }: TapBesideVeth) {
  return { netns, tap };
}

/** The TAP takes the veth's MAC address, or what arrives on it would count as somebody else's. */
async function prepareTap({ netns, veth, tap }: TapBesideVeth, mtu: number): Promise<void> {
  const [link] = JSON.parse(await tool('ip', netns, ['-json', 'link', 'show', 'dev', veth]));
  await batch('ip', netns, [
    `link set dev ${tap} address ${link.address} mtu ${mtu} txqueuelen ${TAP_QUEUE_FRAMES} addrgenmode none`,
    `link set dev ${tap} up`,
  ]);
}

async function redirect({ netns, veth, tap }: TapBesideVeth): Promise<void> {
  await batch('tc', netns, [
    `qdisc add dev ${tap} ingress`,
    `filter add dev ${tap} parent ffff: ${MATCH_ALL} action mirred ingress redirect dev ${veth}`,
    `qdisc add dev ${veth} clsact`,
    `filter add dev ${veth} egress ${MATCH_ALL} action mirred egress redirect dev ${tap}`,
  ]);
}

async function detach(state: LabState, link: LinkEnds): Promise<void> {
  for (const { netns, veth } of endsOf(state.name, link)) {
    await batch('tc', netns, [`qdisc delete dev ${veth} clsact`]);
  }
}

function parametersFile(lab: string, link: string): string {
  return join(runFolder(lab), `emulator-${link}.parameters.json`);
}

function countsFile(lab: string, link: string): string {
  return join(runFolder(lab), `emulator-${link}.counts.json`);
}
