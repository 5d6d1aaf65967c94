// A long flow while the spine that carries most of it loses a tenth of its packets, then falls silent, then recovers
// (BIFROST §6.1.1, figure 16). The access link is slow, so that the fabric has room without the spine: what is lost of
// the throughput is the transport's doing.
import { pause } from '../../lab/process.ts';
import type { Series } from '../harness/bench.ts';
import type { Peer } from '../peers/peer.ts';
import { healSpine, loseAtSpine, silenceSpine } from '../silent-spine.ts';
import type { Testbed } from '../testbed.ts';
import { INTERVAL_SECONDS, type IperfFigures } from '../workloads/iperf.ts';
import type { IperfLoad } from '../workloads/iperf-peers.ts';
import { busiestSpine, readUplinks } from '../workloads/uplinks.ts';

export const ACCESS_BITS_PER_SECOND = 300e6;
export const LOSS_PPM = 100_000;

export interface BulkTimes {
  readonly healthySeconds: number;
  readonly lossSeconds: number;
  readonly silentSeconds: number;
  readonly healedSeconds: number;
}

export interface BulkFigures {
  /** Means of the phases, as the receiver counts. */
  readonly healthy: number;
  readonly loss: number;
  readonly silent: number;
  readonly curve: Series['points'];
}

/** Slow start is not the transport's. */
const SKIPPED_INTERVALS = 2;

export async function bulkOverFailure(
  testbed: Testbed,
  peer: Peer,
  { healthySeconds, lossSeconds, silentSeconds, healedSeconds }: BulkTimes,
  iperf: (peer: Peer, load: IperfLoad) => Promise<IperfFigures>,
): Promise<BulkFigures> {
  const { lab, clientLeaf } = testbed;
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1000;
  const seconds = healthySeconds + lossSeconds + silentSeconds + healedSeconds;
  const running = iperf(peer, { flows: 1, seconds });
  // Whoever waits for it hears of its failure; until then nobody does.
  running.catch(() => {});
  await pause(1000);
  const before = await readUplinks(lab, clientLeaf);
  await pause((healthySeconds - elapsed()) * 1000);
  const spine = busiestSpine(before, await readUplinks(lab, clientLeaf));
  const lossAt = elapsed();
  await loseAtSpine(testbed, spine, LOSS_PPM);
  await pause((healthySeconds + lossSeconds - elapsed()) * 1000);
  const silentAt = elapsed();
  await silenceSpine(testbed, spine);
  await pause((healthySeconds + lossSeconds + silentSeconds - elapsed()) * 1000);
  const healedAt = elapsed();
  await healSpine(testbed, spine);
  return phasesOf((await running).intervals, lossAt, silentAt, healedAt);
}

/** The flow began a little after our clock did: the interval before a change may already be of the next phase. */
function phasesOf(
  intervals: IperfFigures['intervals'],
  lossAt: number,
  silentAt: number,
  healedAt: number,
): BulkFigures {
  const [loss, silent, healed] = [lossAt, silentAt, healedAt].map(
    (at) => Math.floor(at / INTERVAL_SECONDS) - 1,
  );
  const rates = intervals.map(({ bitsPerSecond }) => bitsPerSecond);
  const mean = (from: number, end: number) => {
    const phase = rates.slice(from, end);
    return phase.reduce((sum, rate) => sum + rate, 0) / phase.length;
  };
  return {
    healthy: mean(SKIPPED_INTERVALS, loss!),
    loss: mean(loss!, silent!),
    silent: mean(silent!, healed!),
    curve: rates.map((rate, index) => [index * INTERVAL_SECONDS, rate / 1e6]),
  };
}
