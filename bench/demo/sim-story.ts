// The story in the simulator, for machines where no lab can be: the agent's own switch and transport in virtual time,
// on a modelled fabric, with modelled tenants. The same figures every time, from a seed.
import { setImmediate } from 'node:timers/promises';
import { defaultTopology } from '../../lab/topology.ts';
import type { Overlay } from '../../sim/cloud.ts';
import { REDIS_GET } from '../../sim/guest/redis.ts';
import { playScene, type Scene } from '../../sim/story.ts';
import type { Progress } from '../testbed.ts';
import { Tally } from '../workloads/load-client/tally.ts';
import type { Row, Situation, Teller, TellOptions, Told } from './story.ts';
import { toFigures } from './watched-load.ts';

const TELLERS: readonly (readonly [peer: Teller, title: string, overlay: Overlay])[] = [
  ['kernelVxlan', 'kernel VXLAN', 'plain'],
  ['selvage', 'Selvage', 'selvage'],
];

const LOSS_PPM = 10_000;

/** Virtual time. Half a minute's worth would take minutes: each request takes the simulator about 30 µs. */
export interface SimScale {
  readonly healthyMicros: number;
  readonly lossMicros: number;
  readonly silentMicros: number;
}

const FULL: SimScale = { healthyMicros: 300_000, lossMicros: 800_000, silentMicros: 1_200_000 };
const QUICK: SimScale = { healthyMicros: 100_000, lossMicros: 400_000, silentMicros: 1_050_000 };

const DEFAULT_SEED = 1;

export async function simStory({ quick, progress }: TellOptions): Promise<Told> {
  progress(
    'No lab can be made here (that takes root), so the story is told in the simulator, in virtual time.',
  );
  const seed = Number(process.env['SELVAGE_SEED'] ?? DEFAULT_SEED) >>> 0;
  const rows = await simRows(quick ? QUICK : FULL, seed, progress);
  return {
    stage: `simulated, in virtual time, seed ${seed}`,
    quick,
    watchers: `the ${REDIS_GET.clients} clients`,
    rows,
    notes: notes(seed),
  };
}

export async function simRows(scale: SimScale, seed: number, progress: Progress): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [situation, what, faults] of scenes(scale)) {
    for (const [peer, title, overlay] of TELLERS) {
      progress(`Redis over ${title}, simulated: ${what} …`);
      // Lets the line out, and signals in.
      await setImmediate();
      rows.push(play(situation, peer, { topology: defaultTopology(), overlay, seed, ...faults }));
    }
  }
  return rows;
}

type Faults = Pick<Scene, 'lossPpm' | 'healthyMicros' | 'silentMicros'>;

function scenes({ healthyMicros, lossMicros, silentMicros }: SimScale) {
  const scene = (situation: Situation, what: string, faults: Faults) => [situation, what, faults] as const;
  return [
    scene('healthy', 'a healthy network', { lossPpm: 0, healthyMicros, silentMicros: 0 }),
    scene('loss', '1 % loss each way', { lossPpm: LOSS_PPM, healthyMicros: lossMicros, silentMicros: 0 }),
    scene('silent-spine', 'a spine falls silent', { lossPpm: 0, healthyMicros, silentMicros }),
  ];
}

function play(situation: Situation, peer: Teller, scene: Scene): Row {
  let tally: Tally | undefined;
  const { endMicros, spine } = playScene(scene, (startMicros) => {
    const counting = new Tally(REDIS_GET.clients, situation, startMicros / 1000);
    tally = counting;
    return {
      complete: (client, started, now) => counting.complete(client, started / 1000, now / 1000),
      fail: (_client, now) => counting.fail(now / 1000),
    };
  });
  const report = tally!.finish(endMicros / 1000).at(-1)!;
  return {
    situation,
    peer,
    load: toFigures(report),
    watched: report.completed + report.failed,
    failed: report.failed,
    longestGapMillis: report.longestGapMicros / 1000,
    ...(spine !== undefined && { spine }),
  };
}

function notes(seed: number): string[] {
  return [
    'This is the simulator and no measurement: the hosts run Selvage’s own switch and transport; the fabric, the ' +
      'tenants’ TCP, Redis and the time that things take are models. As root the demo runs real programs.',
    'Kernel VXLAN is played by plain VXLAN in the same switch, as between virtual machines: a flow keeps its path, ' +
      'and nothing is sent again but by the tenants’ TCP.',
    'While all is well the one thread of the modelled Redis is busy all the time, and what either overlay takes is hidden ' +
      'behind its queue.',
    `failed: no answer within ${REDIS_GET.timeoutMicros / 1e6} s; the connection is then made anew, perhaps on ` +
      'another path.',
    `The same seed gives the same figures; SELVAGE_SEED=${seed + 1} tells it with other accidents.`,
  ];
}
