// Many clients of Redis while a link loses one packet in a thousand, with congestion control and without (BIFROST §F,
// figure F11). A neighbour's long flow shares the server's access link, as others' traffic does in the
// paper's cluster: without congestion control it keeps the queue there as long as its window is. Alone there is nothing
// to control.
import type { NativeName } from '../../src/vswitch/config.ts';
import type { BenchOptions, BenchOutcome } from '../harness/bench.ts';
import { rotated } from '../harness/in-turns.ts';
import { Measurements } from '../harness/measurements.ts';
import { attachSelvage, DEFAULT_WINDOW, restartSelvage } from '../peers/selvage.ts';
import { type Testbed, withTestbed } from '../testbed.ts';
import { besideBulk } from '../workloads/background-bulk.ts';
import { startIperfServer } from '../workloads/iperf.ts';
import { withLoss } from '../workloads/lossy-link.ts';
import { redisColumns, requireFigures, runRedisBenchmark } from '../workloads/redis-benchmark.ts';
import { startRedis } from '../workloads/redis-server.ts';
import { WARM_UP_NOTE, warmUp } from '../workloads/warm-up.ts';

const LOSS_PPM = 1000;
const CLIENTS = 200;
const LINK_BITS_PER_SECOND = 300e6;
const QUEUE_PACKETS = 1024;
const NEIGHBOUR = 'tenant2';
const RUN_TIMEOUT_MILLIS = 90_000;

const MODES = [
  ['no control', 'none'],
  ['Swift', 'swift'],
] as const satisfies readonly (readonly [name: string, congestion: NativeName])[];

const FULL = { rounds: 5, requests: 100_000, bulk: [true, false] };
const QUICK = { rounds: 1, requests: 30_000, bulk: [true] };

export function cc({ quick, progress }: BenchOptions): Promise<BenchOutcome> {
  const { rounds, requests, bulk } = quick ? QUICK : FULL;
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server } = testbed;
    const hosts = [client.host, server.host, lab.tenant(NEIGHBOUR).host];
    await startRedis(lab, server.name);
    await startIperfServer(lab, server.name);
    await slowServerLink(testbed);
    let peer = await attachSelvage(testbed, {}, hosts);
    const measured = new Measurements();
    const measure = async (situation: string) => {
      const target = { host: peer.serverAddress, timeoutMillis: RUN_TIMEOUT_MILLIS };
      const options = { ...target, test: 'set', clients: CLIENTS, requests } as const;
      const figures = requireFigures(await runRedisBenchmark(lab, client.name, options), options);
      const { requests: _, ...values } = figures;
      measured.record('selvage', situation, values);
    };
    for (let round = 0; round < rounds; round++) {
      for (const [name, congestion] of rotated(MODES, round)) {
        progress(`Round ${round + 1} of ${rounds}: ${name} …`);
        peer = await restartSelvage(testbed, { congestion }, hosts);
        await warmUp(testbed, [peer], progress);
        await withLoss(testbed, LOSS_PPM, async () => {
          for (const withBulk of bulk) {
            const run = () => measure(ccCase(name, withBulk));
            if (withBulk) await besideBulk(lab, lab.tenant(NEIGHBOUR), peer.serverAddress, run);
            else await run();
          }
        });
      }
    }
    const p999 = (name: string, withBulk: boolean) =>
      measured.median('selvage', ccCase(name, withBulk), 'p999Millis');
    const fall = (withBulk: boolean) => {
      const [without, swift] = [p999('no control', withBulk), p999('Swift', withBulk)];
      return without === undefined || swift === undefined ? undefined : 1 - swift / without;
    };
    const ratios = { p999Fall: fall(true), p999FallAlone: fall(false) };
    return { rounds, peers: [peer], columns: redisColumns, measured, ratios, notes: notes(requests) };
  });
}

export function ccCase(mode: string, withBulk: boolean): string {
  return `${mode}, ${withBulk ? 'beside a long flow' : 'alone'}`;
}

async function slowServerLink({ lab, server }: Testbed): Promise<void> {
  const link = lab.topology.links.find(({ a }) => a === server.host)!;
  await lab.setLink(link.name, { rateBitsPerSecond: LINK_BITS_PER_SECOND, queuePackets: QUEUE_PACKETS });
}

function notes(requests: number): string[] {
  return [
    WARM_UP_NOTE,
    `redis-benchmark SET, ${CLIENTS} clients, ${requests.toLocaleString('en-US')} requests a run; the client’s access ` +
      `link loses ${LOSS_PPM / 10_000} % each way. The server’s access link carries ` +
      `${LINK_BITS_PER_SECOND / 1e6} Mbit/s and queues ${QUEUE_PACKETS} packets; the long flow is iperf3 from ` +
      `${NEIGHBOUR} on a third host.`,
    'A case is the congestion control of the network (vnis[].congestion); without control a connection is bounded by ' +
      `its window of ${DEFAULT_WINDOW} packets alone. Agents are restarted between cases.`,
  ];
}
