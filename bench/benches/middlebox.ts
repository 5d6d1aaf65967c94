// Connections through stateful balancers whose hypervisor changes source ports in the middle (ZooRoute §6, §7.1, figure 19):
// with sensing, which learns from probes who answers behind each port and changes within their group, and without.
import { KERNEL_VXLAN_PORT } from '../../lab/kernel-vxlan.ts';
import type { Lab } from '../../lab/lab.ts';
import { pause } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { ReroutePath } from '../../src/reroute/status.ts';
import type { BenchOptions, BenchOutcome, Column, Series } from '../harness/bench.ts';
import { Measurements } from '../harness/measurements.ts';
import {
  ANYCAST_VTEP,
  BALANCERS,
  buildBalancers,
  CLIENT,
  CLIENT_HOST,
  middleboxTopology,
  SERVER_HOST,
  VIRTUAL_ADDRESS,
} from '../middlebox/balancers.ts';
import { changeScript, END_CHANGES, PACKETS_PER_PORT } from '../middlebox/port-changes.ts';
import type { Contender } from '../peers/peer.ts';
import { RerouteProcess } from '../peers/reroute.ts';
import { withTestbed } from '../testbed.ts';
import { builtProgram } from '../workloads/built-program.ts';
import { HTTP_PORT, startNginx } from '../workloads/nginx.ts';

const ROUNDS = { full: 1000, quick: 200 };
const MOST_ATTEMPTS = 10;
const HOMES = 32;
const SENSING_PATIENCE_MILLIS = 30_000;
const RUN_TIMEOUT_MILLIS = 280_000;
const SITUATION = `ports changed every ${PACKETS_PER_PORT} packets`;

const WITH: Contender = {
  name: 'selvageReroute',
  title: 'with sensing',
  settings: 'changes stay within a balancer’s ports',
};
const WITHOUT: Contender = { name: 'kernelVxlan', title: 'without', settings: 'changes go to any port' };

const columns: readonly Column[] = [
  { metric: 'rounds', title: 'rounds' },
  { metric: 'firstPercent', title: 'at once %' },
  { metric: 'failedPercent', title: `not in ${MOST_ATTEMPTS} attempts %` },
  { metric: 'attempts', title: 'attempts a round' },
];

export function middlebox({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  return withTestbed(
    progress,
    async ({ lab }) => {
      await buildBalancers(lab);
      await startNginx(lab, SERVER_HOST);
      progress('Learning who is behind which port …');
      const groups = await senseGroups(lab);
      const measured = new Measurements();
      const series: Series[] = [];
      const cases = [
        { peer: WITHOUT, ports: [groups.flat().sort((a, b) => a - b)] },
        { peer: WITH, ports: groups },
      ];
      for (const { peer, ports } of cases) {
        progress(`${rounds} rounds, ${peer.title} …`);
        const attempts = await runRounds(lab, ports, rounds);
        measured.record(peer.name, SITUATION, valuesOf(attempts));
        series.push({ chart: 'attempts', name: peer.title, points: distribution(attempts) });
      }
      const share = (peer: Contender) => measured.median(peer.name, SITUATION, 'firstPercent')! / 100;
      return {
        rounds: 1,
        peers: [WITHOUT, WITH],
        columns,
        measured,
        ratios: { firstAttemptWithSensing: share(WITH), firstAttemptWithout: share(WITHOUT) },
        notes: notesOn(groups),
        series,
      };
    },
    middleboxTopology(),
  );
}

/** The client's ports, from 0, by the balancer that answered behind each, as the process on its host has learned. */
async function senseGroups(lab: Lab): Promise<number[][]> {
  const balancers = BALANCERS.map((name) => new RerouteProcess(lab, name, 'middlebox'));
  for (const balancer of balancers) await balancer.ready();
  const client = new RerouteProcess(lab, CLIENT_HOST);
  await client.ready();
  const deadline = performance.now() + SENSING_PATIENCE_MILLIS;
  for (;;) {
    // Ports are probed when there is traffic.
    await requestPages(lab, 20);
    const paths = (await client.paths(ANYCAST_VTEP))
      .sort((a, b) => a.sourcePort - b.sourcePort)
      .slice(0, HOMES);
    const groups = groupsOf(paths);
    if (paths.length === HOMES && paths.every(({ backend }) => backend !== undefined)) return groups;
    if (performance.now() > deadline) {
      const known = paths.filter(({ backend }) => backend !== undefined).length;
      throw new SelvageError(
        'failed',
        `Only of ${known} of ${HOMES} ports it is known who answers behind them.`,
      );
    }
    await pause(500);
  }
}

export function groupsOf(paths: readonly ReroutePath[]): number[][] {
  const base = Math.min(...paths.map(({ sourcePort }) => sourcePort));
  const groups = new Map<string, number[]>();
  for (const { backend, sourcePort } of paths) {
    if (backend === undefined) continue;
    groups.set(backend, [...(groups.get(backend) ?? []), sourcePort - base]);
  }
  return [...groups.values()];
}

async function runRounds(
  lab: Lab,
  groups: readonly (readonly number[])[],
  rounds: number,
): Promise<number[]> {
  const nft = (input: string) => lab.run(CLIENT_HOST, ['nft', '-f', '-'], { input });
  await nft(changeScript(groups, HOMES, ANYCAST_VTEP, KERNEL_VXLAN_PORT));
  try {
    return await requestPages(lab, rounds);
  } finally {
    await nft(END_CHANGES);
  }
}

/** Attempts of each round; 0 where all failed. */
async function requestPages(lab: Lab, rounds: number): Promise<number[]> {
  const words = [VIRTUAL_ADDRESS, HTTP_PORT, rounds, MOST_ATTEMPTS].map(String);
  const argv = [process.execPath, builtProgram('http-rounds'), ...words];
  const { stdout } = await lab.run(CLIENT, argv, { timeoutMillis: RUN_TIMEOUT_MILLIS });
  return JSON.parse(stdout);
}

function valuesOf(attempts: readonly number[]) {
  const share = (of: (taken: number) => boolean) => (100 * attempts.filter(of).length) / attempts.length;
  const sum = attempts.reduce((total, taken) => total + (taken === 0 ? MOST_ATTEMPTS : taken), 0);
  return {
    rounds: attempts.length,
    firstPercent: share((taken) => taken === 1),
    failedPercent: share((taken) => taken === 0),
    attempts: sum / attempts.length,
  };
}

/** The share of rounds that had succeeded after so many attempts. */
export function distribution(attempts: readonly number[]): [number, number][] {
  return Array.from({ length: MOST_ATTEMPTS }, (_, i) => {
    const within = attempts.filter((taken) => taken > 0 && taken <= i + 1).length;
    return [i + 1, (100 * within) / attempts.length];
  });
}

function notesOn(groups: readonly (readonly number[])[]): string[] {
  const sizes = groups.map(({ length }) => length).join(', ');
  return [
    `${BALANCERS.length} balancers of nft with connection tracking behind one address of a VTEP, chosen by their leaf by the outer ` +
      'header; a segment of a connection that a balancer does not have is answered with a reset. nginx behind them.',
    `A round asks for a page on new connections until it comes, at most ${MOST_ATTEMPTS} times. The outer source port changes after ` +
      `every ${PACKETS_PER_PORT} packets among all ${HOMES}, or among those of one balancer: ${sizes}, as \`selvage reroute\` ` +
      'on the client’s host learned by probes that `selvage reroute --role middlebox` on the balancers answered. Its program ' +
      'takes the ports.',
  ];
}
