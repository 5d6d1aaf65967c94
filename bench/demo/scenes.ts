// What happens in the lab in each situation, for each peer in its turn. Every scene leaves the network healthy.
import { pause } from '../../lab/process.ts';
import { SelvageError } from '../../src/base/errors.ts';
import type { Peer } from '../peers/peer.ts';
import { healSpine, silenceSpine } from '../silent-spine.ts';
import type { Progress, Testbed } from '../testbed.ts';
import { busiestSpine, readUplinks } from '../workloads/uplinks.ts';
import type { Row, Situation, Teller } from './story.ts';
import { type WatchedLoad, watchedLoad } from './watched-load.ts';

export interface Scene {
  readonly testbed: Testbed;
  readonly peers: readonly Peer[];
  readonly scale: {
    readonly healthyRequests: number;
    readonly lossRequests: number;
    /** How long the load takes in the last scene, if nothing holds it up. */
    readonly silentSeconds: number;
  };
  readonly progress: Progress;
}

/** Rows are those told so far. */
type Play = (scene: Scene, rows: readonly Row[]) => Promise<Row[]>;

export const SCENES: readonly (readonly [title: string, play: Play])[] = [
  ['the healthy network', playHealthy],
  ['1 % loss', playLoss],
  ['the silent spine', playSilentSpine],
];

const LOSS_PPM = 10_000;
const ATTEMPTS = 3;

function playHealthy(scene: Scene): Promise<Row[]> {
  const requests = scene.scale.healthyRequests;
  return forEach(scene, 'a healthy network', async (peer) =>
    toRow('healthy', peer, await watchedLoad(scene.testbed, peer, requests)),
  );
}

async function playLoss(scene: Scene): Promise<Row[]> {
  const { lab, accessLink } = scene.testbed;
  await lab.setLink(accessLink, { lossPpm: LOSS_PPM });
  try {
    const requests = scene.scale.lossRequests;
    return await forEach(scene, `1 % loss each way on ${accessLink}`, async (peer) =>
      toRow('loss', peer, await watchedLoad(scene.testbed, peer, requests)),
    );
  } finally {
    await lab.resetLink(accessLink);
  }
}

function playSilentSpine(scene: Scene, rows: readonly Row[]): Promise<Row[]> {
  return forEach(scene, 'a spine falls silent', async (peer) => {
    const healthy = rows.find((row) => row.situation === 'healthy' && row.peer === peer.name)?.load;
    const rate = healthy?.requestsPerSecond ?? scene.scale.healthyRequests;
    return silentSpine(scene, peer, Math.ceil(rate * scene.scale.silentSeconds));
  });
}

/** Again with more requests if the load was over before the spine fell silent: the machine was busy when it was rated. */
async function silentSpine(scene: Scene, peer: Peer, requests: number, attempt = 1): Promise<Row> {
  const { testbed, scale, progress } = scene;
  const { lab, clientLeaf } = testbed;
  let spine: string | undefined;
  const load = await watchedLoad(testbed, peer, requests, async (isRunning) => {
    const before = await readUplinks(lab, clientLeaf);
    await pause((scale.silentSeconds * 1000) / 4);
    const busiest = busiestSpine(before, await readUplinks(lab, clientLeaf));
    progress(`  ${busiest} carries most of it and falls silent`);
    await silenceSpine(testbed, busiest);
    if (isRunning()) spine = busiest;
    else await healSpine(testbed, busiest);
  });
  if (spine !== undefined) {
    await healSpine(testbed, spine);
    return { ...toRow('silent-spine', peer, load), spine };
  }
  if (attempt < ATTEMPTS) return silentSpine(scene, peer, requests * 4, attempt + 1);
  throw new SelvageError('failed', `The load over ${peer.title} was always over before a spine fell silent.`);
}

async function forEach(
  { peers, progress }: Scene,
  what: string,
  play: (peer: Peer) => Promise<Row>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const peer of peers) {
    progress(`Redis over ${peer.title}: ${what} …`);
    rows.push(await play(peer));
  }
  return rows;
}

function toRow(situation: Situation, peer: Peer, { figures, watch }: WatchedLoad): Row {
  return {
    situation,
    peer: peer.name as Teller,
    load: figures,
    watched: watch.completed + watch.failed,
    failed: watch.failed,
    longestGapMillis: watch.longestGapMicros / 1000,
  };
}
