// The demo's story in virtual time: Redis between two tenants in different racks, on a healthy network, with packets
// lost at random on the client host's access link, and with a spine that falls silent in mid-run. The hosts run the
// real switch and transport; fabric, tenants' TCP and the times things take are models, each described in its file.
//
// "plain" stands for the kernel's VXLAN: the switch's own plain VXLAN, at what VXLAN costs in a kernel. A flow keeps
// its path, as it does between virtual machines. (Where tenants share the overlay's kernel, as containers and the
// lab's do, Linux gives a flow another path after a timeout of TCP's: there the silent spine hurts it less.)

import type { Topology } from '../lab/topology.ts';
import { SelvageError } from '../src/base/errors.ts';
import { SeededRng } from '../src/base/rng.ts';
import { Cloud, type Overlay } from './cloud.ts';
import { type Outcomes, REDIS_GET, RedisLoad, type RedisWorkload, serveRedis } from './guest/redis.ts';

export interface Scene {
  readonly topology: Topology;
  readonly overlay: Overlay;
  readonly seed: number;
  /** Lost in each direction on the access link of the client's host. */
  readonly lossPpm: number;
  readonly healthyMicros: number;
  /** Afterwards, for so long, the spine that carried most is silent; 0: no spine falls silent. */
  readonly silentMicros: number;
  readonly workload?: RedisWorkload;
}

export interface Played {
  readonly cloud: Cloud;
  /** When the first request was sent, and when the scene ended. */
  readonly startMicros: number;
  readonly endMicros: number;
  /** The spine that fell silent. */
  readonly spine: string | undefined;
}

/** Within which connections are made on a healthy network, and Selvage's first packets are exchanged. */
const CONNECT_MICROS = 20_000;

/** Plays a scene; `begin` is called when the first requests are sent, with the time, and says who counts outcomes. */
export function playScene(scene: Scene, begin: (startMicros: number) => Outcomes): Played {
  const { topology, overlay, seed, lossPpm, healthyMicros, silentMicros, workload = REDIS_GET } = scene;
  const rng = new SeededRng(seed);
  const cloud = new Cloud({ topology, overlay, seed: rng.u32() });
  const { clock, fabric } = cloud;
  const { client, server, accessLink, clientLeaf } = castOf(topology);
  serveRedis(clock, new SeededRng(rng.u32()), cloud.guest(server), workload);
  let outcomes: Outcomes | undefined;
  const load = new RedisLoad({
    clock,
    rng: new SeededRng(rng.u32()),
    guest: cloud.guest(client),
    server: cloud.guest(server).place,
    workload,
    outcomes: {
      complete: (number, started, now) => outcomes?.complete(number, started, now),
      fail: (number, now) => outcomes?.fail(number, now),
    },
  });
  cloud.run(CONNECT_MICROS);
  if (lossPpm > 0) fabric.impose(accessLink, { lossPpm });
  const startMicros = clock.nowMicros;
  outcomes = begin(startMicros);
  load.start();
  const before = spineLoads(cloud, clientLeaf, topology.spines);
  cloud.run(healthyMicros);
  let spine: string | undefined;
  if (silentMicros > 0) {
    spine = busiest(before, spineLoads(cloud, clientLeaf, topology.spines));
    fabric.imposeOnNode(spine, { blackhole: 'both' });
    cloud.run(silentMicros);
  }
  return { cloud, startMicros, endMicros: clock.nowMicros, spine };
}

/** A client's machine in the first rack and a server's in another. */
function castOf({ racks, tenants }: Topology) {
  const [first, ...others] = racks;
  const inRack = (hosts: readonly string[]) => tenants.find(({ host }) => hosts.includes(host));
  const client = inRack(first!.hosts);
  const server = inRack(others.flatMap(({ hosts }) => hosts));
  if (client === undefined || server === undefined) {
    throw new SelvageError('bad-config', 'The story needs a tenant in the first rack and one in another.');
  }
  const { leaf } = first!;
  return {
    client: client.name,
    server: server.name,
    clientLeaf: leaf,
    accessLink: `${client.host}-${leaf}`,
  };
}

/** Packets between a leaf and each spine, both ways. */
function spineLoads({ fabric }: Cloud, leaf: string, spines: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    spines.map((spine) => {
      const { toA, toB } = fabric.links.get(`${leaf}-${spine}`)!;
      return [spine, toA.counters.passed + toB.counters.passed];
    }),
  );
}

function busiest(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const grown = [...after].map(([spine, packets]) => ({ spine, packets: packets - before.get(spine)! }));
  return grown.reduce((most, each) => (each.packets > most.packets ? each : most)).spine;
}
