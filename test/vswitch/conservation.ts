// in = out + dropped(reason) + queued, stage by stage as src/vswitch/drops.ts has it; and what is left when nothing is
// on its way. Throws with a sentence.

import { CHUNK_BYTES, type Region } from '../../src/packet/region.ts';
import { DELIVERY_DROP_REASONS, FRAME_DROP_REASONS } from '../../src/vswitch/drops.ts';
import { PAIR_DROP_REASONS } from '../../src/vswitch/pair-drops.ts';
import type { Switch } from '../../src/vswitch/switch.ts';

/** Writers that keep a chunk of their own: frames read, packets received, packets held, answers and cut frames, small frames that wait. */
const WRITERS = 5;

export function checkConservation(vswitch: Switch): void {
  const { counters, transport, forwarding, pairDrops, framesOut, framesQueued, framesWaiting } = vswitch;
  const { dropped } = counters;
  const framesDropped = FRAME_DROP_REASONS.reduce((sum, reason) => sum + dropped[reason], 0);
  const { toTransport, toPlain, answered, toLocal, fromPlain, plainCopies } = counters;
  equal(
    'frames in',
    counters.framesIn + counters.floodCopies + counters.pieces + counters.returned,
    toTransport + toPlain + answered + toLocal + framesQueued + framesDropped,
  );
  const { packetsIn, packetCopies, transportPacketsIn, plainPacketsIn, handedOver } = counters;
  const packetsDropped =
    dropped.unknownVtep +
    dropped.malformedPacket +
    dropped.routeProbe +
    dropped.unknownVni +
    dropped.handoverFull +
    dropped.interruptedPackets;
  equal(
    'packets in',
    packetsIn + packetCopies,
    transportPacketsIn + plainPacketsIn + handedOver + packetsDropped,
  );
  equal('plain packets in', plainPacketsIn + plainCopies, fromPlain + dropped.notForUs);
  const { framesDelivered } = transport.counters;
  equal(
    'frames to vNICs',
    toLocal + answered + fromPlain + framesDelivered + counters.fromThreads + counters.cutFrames,
    framesOut + framesWaiting + DELIVERY_DROP_REASONS.reduce((sum, reason) => sum + dropped[reason], 0),
  );
  for (const reason of PAIR_DROP_REASONS) {
    let sum = 0;
    for (let pair = 0; pair < forwarding.pairCount; pair++) sum += pairDrops.of(pair, reason);
    // Others were dropped on their way to nobody in particular.
    if (sum > dropped[reason]) throw new Error(`${reason}: ${dropped[reason]}, of single pairs ${sum}`);
    if (reason === 'queueFull') equal('frames for full queues', dropped[reason], sum);
  }
}

/** Nothing waits, and every chunk is free but for the writers' own. */
export function checkIdle(vswitch: Switch, region: Region, writers = WRITERS): void {
  checkConservation(vswitch);
  equal('frames queued', vswitch.framesQueued, 0);
  equal('frames waiting', vswitch.framesWaiting, 0);
  equal('references of the headers’ chunk', region.references(0), 1);
  let held = 0;
  for (let chunk = 1; chunk < region.chunks; chunk++) {
    const references = region.references(chunk * CHUNK_BYTES);
    if (references > 1) throw new Error(`chunk ${chunk} has ${references} references`);
    held += references;
  }
  equal('chunks held and free', held + region.free, region.chunks - 1);
  if (held > writers) throw new Error(`${held} chunks are held`);
}

function equal(what: string, is: number, should: number): void {
  if (is !== should) throw new Error(`${what}: ${is}, accounted for: ${should}`);
}
