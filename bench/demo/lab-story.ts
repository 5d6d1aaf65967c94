// The story with real programs in a lab (watched-load.ts). What needs a program that cannot be had is left out and
// said; the rest is told.
import { findProgram } from '../../lab/programs.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { attachKernelVxlan } from '../peers/kernel-vxlan.ts';
import { attachSelvage } from '../peers/selvage.ts';
import { withTestbed } from '../testbed.ts';
import { startRedisOrStandIn } from '../workloads/redis-server.ts';
import { WARM_UP_NOTE, warmUp } from '../workloads/warm-up.ts';
import { SCENES, type Scene } from './scenes.ts';
import type { Row, TellOptions, Told } from './story.ts';
import { WATCH } from './watched-load.ts';

const FULL = { healthyRequests: 80_000, lossRequests: 12_000, silentSeconds: 4 };
const QUICK = { healthyRequests: 15_000, lossRequests: 2000, silentSeconds: 2 };

export async function labStory({ quick, progress }: TellOptions): Promise<Told> {
  const missing = await missingPrograms();
  return withTestbed(progress, async (testbed) => {
    const { lab, client, server } = testbed;
    progress(`Joining ${client.name} and ${server.name} by kernel VXLAN and by Selvage …`);
    const peers = [await attachKernelVxlan(testbed), await attachSelvage(testbed)];
    await startRedisOrStandIn(lab, server.name);
    await warmUp(testbed, peers, progress);
    const scene: Scene = { testbed, peers, scale: quick ? QUICK : FULL, progress };
    const rows: Row[] = [];
    const notes = [
      `failed, longest gap: seen by ${WATCH.connections} connections beside the load, which ask every ` +
        `${WATCH.intervalMillis} ms; failed is what had no answer within ${WATCH.timeoutMillis / 1000} s, an error for ` +
        'one, or was cut off with its connection. redis-benchmark does not tell such things of its own.',
      WARM_UP_NOTE,
      ...missing,
    ];
    for (const [title, play] of SCENES) {
      try {
        rows.push(...(await play(scene, rows)));
      } catch (thrown) {
        if (!(thrown instanceof SelvageError) || thrown.code !== 'no-program') throw thrown;
        notes.push(`Not shown: ${title}. ${thrown.message} ${thrown.hint ?? ''}`.trimEnd());
      }
    }
    if (rows.some(({ load }) => load === undefined)) {
      notes.push('–: redis-benchmark still waited for answers when it was given up.');
    }
    const watchers = `the ${WATCH.connections} connections that watched`;
    return { stage: 'real programs in a lab on this machine', quick, watchers, rows, notes };
  });
}

async function missingPrograms(): Promise<string[]> {
  const notes: string[] = [];
  const install =
    'Install Debian’s packages redis-server and redis-tools (apt-get install redis-server redis-tools).';
  if ((await findProgram('redis-server')) === undefined) {
    notes.push(
      `Redis is not installed and could not be fetched: a server of ours stands in for it. ${install}`,
    );
  }
  if ((await findProgram('redis-benchmark')) === undefined) {
    notes.push(
      `redis-benchmark is not installed and could not be fetched: our own client is the load. ${install}`,
    );
  }
  return notes;
}
