// nginx with a connection for every request, while the access link of the client's host loses packets at random in each
// direction (BIFROST §6.2, figure 21). A lost SYN costs the kernel a second, since nothing is known of the path yet.
import type { BenchOptions, BenchOutcome, Column } from '../harness/bench.ts';
import { inTurns } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { worstRate, worstTime } from '../harness/ratios.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { PROGRAMS, runApacheBench } from '../workloads/apache-bench.ts';
import { lossText, withLoss } from '../workloads/lossy-link.ts';
import { PAGE_BYTES, startNginx } from '../workloads/nginx.ts';

const MOST_PPM = 20_000;
const CLIENTS = 16;
const WARM_UP_SECONDS = 2;

const FULL = { rounds: 3, seconds: 10, lossesPpm: [0, 1000, 5000, 10_000, MOST_PPM] };
const QUICK = { rounds: 1, seconds: 8, lossesPpm: [0, MOST_PPM] };

const columns: readonly Column[] = [
  { metric: 'requestsPerSecond', title: 'requests/s' },
  { metric: 'averageMillis', title: 'average ms' },
  { metric: 'p50Millis', title: 'p50 ms' },
  { metric: 'p99Millis', title: 'p99 ms' },
  { metric: 'maxMillis', title: 'max ms' },
  { metric: 'failed', title: 'failed', total: true },
];

export function nginxLoss({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, seconds, lossesPpm } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server, accessLink } = testbed;
    const peers = [await attachKernelVxlan(testbed), await attachSelvage(testbed)];
    await allowManyConnections(testbed);
    await startNginx(lab, server.name);
    const run = (host: string, seconds: number) =>
      runApacheBench(lab, client.name, { host, clients: CLIENTS, seconds });
    for (const peer of peers) await run(peer.serverAddress, WARM_UP_SECONDS);
    const measured = new Measurements();
    let lost = 0;
    for (const lossPpm of lossesPpm) {
      lost += await withLoss(testbed, lossPpm, () =>
        inTurns(peers, rounds, progress, async (peer) => {
          const { requests: _, ...figures } = await run(peer.serverAddress, seconds);
          measured.record(peer.name, lossText(lossPpm), figures);
        }),
      );
    }
    const worst = [lossText(MOST_PPM)];
    const ratios = {
      p99At2Percent: worstTime(measured, 'kernelVxlan', 'p99Millis', worst),
      requestsAt2Percent: worstRate(measured, 'kernelVxlan', 'requestsPerSecond', worst),
    };
    const notes = [
      `${PROGRAMS} programs ab with ${CLIENTS} clients together, a connection for each request, a page of ${PAGE_BYTES} bytes, ${seconds} s a run after ` +
        `${WARM_UP_SECONDS} s that are not counted. Times include making the connection.`,
      `Each direction of ${accessLink} lost packets at random: ${lost.toLocaleString('en-US')} in all.`,
      'Both tenants may use every port, and again as soon as the protocol allows (tcp_tw_reuse).',
    ];
    return { rounds, peers, columns, measured, ratios, notes };
  });
}

/** Else ports run out before a run ends, whoever carries it. */
async function allowManyConnections({ lab, client, server }: Testbed): Promise<void> {
  const settings = ['net.ipv4.ip_local_port_range=1024 65535', 'net.ipv4.tcp_tw_reuse=1'];
  for (const { name } of [client, server]) {
    for (const setting of settings) {
      const [key, value] = setting.split('=');
      await lab.run(name, ['/bin/sh', '-c', `echo ${value} > /proc/sys/${key!.replaceAll('.', '/')}`]);
    }
  }
}
