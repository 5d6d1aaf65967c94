// The data thread: one switch, its devices, and a loop that sleeps in epoll. Nothing here returns to the event loop
// until it is told to stop; messages are taken from the port without it.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { SeededRng } from '../base/rng.ts';
import { TapDevice } from '../device/tap.ts';
import { UdpUnderlay } from '../device/udp.ts';
import { Epoll } from '../linux/epoll.ts';
import { EventFd } from '../linux/eventfd.ts';
import { mapMemory } from '../linux/memory.ts';
import { useShortTimerSlack, yieldCore } from '../linux/scheduling.ts';
import { CHUNK_BYTES, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { vtepsOf } from '../vswitch/forwarding.ts';
import { Switch } from '../vswitch/switch.ts';
import { wrapDevices } from './capture.ts';
import { reportOf } from './report.ts';
import { SpinTime } from './spin.ts';
import type { DataThreadStart, FromDataThread, ToDataThread } from './thread-messages.ts';
import { warmUp } from './warm-up.ts';

/** 128 MB of packets, taken from the system as they are first used. */
const REGION_CHUNKS = 512;
/** What vNICs read may not take the last quarter, so that the underlay can always be read. */
const RECEIVE_RESERVE = REGION_CHUNKS / 4;

const WARM_UP_MILLIS = 1000;

const TAG_WAKE = 0;
const TAG_UNDERLAY = 1;
const TAG_FIRST_PORT = 2;

const port = parentPort!;
const now = () => performance.now() * 1000;
const epochMicros = () => (performance.timeOrigin + performance.now()) * 1000;

function main({ config, taps, underlay, wakeFd, seed, capture }: DataThreadStart): void {
  useShortTimerSlack();
  warmUp(config.datagramBytes, config.windowPackets, WARM_UP_MILLIS);
  const region = new Region(mapMemory(REGION_CHUNKS * CHUNK_BYTES));
  const outgoing = new ChunkWriter(region, RECEIVE_RESERVE);
  const incoming = new ChunkWriter(region, 0);
  const devices = taps.map((fd) => new TapDevice(fd, region, outgoing));
  const peers = vtepsOf(config);
  const udp = new UdpUnderlay(underlay, region, incoming, now, peers);
  const bare = { vnics: devices, underlay: udp };
  const wrapped = capture === undefined ? bare : wrapDevices(bare, capture, region, peers, epochMicros);
  const vswitch = new Switch(config, {
    region,
    rng: new SeededRng(seed),
    nowMicros: now(),
    devices: wrapped.vnics,
    underlay: wrapped.underlay,
  });
  const wake = new EventFd(wakeFd);
  const epoll = new Epoll();
  epoll.add(wake.fd, TAG_WAKE);
  epoll.add(udp.fd, TAG_UNDERLAY);
  devices.forEach((device, i) => {
    epoll.add(device.fd, TAG_FIRST_PORT + i);
  });

  const say = (message: FromDataThread) => port.postMessage(message);
  /** False when told to stop. */
  const obey = (): boolean => {
    wake.clear();
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      const message = next.message as ToDataThread;
      if (message.type === 'stop') return false;
      say({ type: 'report', id: message.id, report: reportOf(vswitch, devices, udp) });
    }
    return true;
  };

  /** Watching it further would keep the thread awake. */
  const giveUp = (port: number): void => {
    epoll.remove(devices[port]!.fd);
    say({ type: 'gone', port });
  };

  const spin = new SpinTime();
  /** Waits for input, first awake and then asleep; the number of ready descriptors. */
  const wait = (until: number): number => {
    const start = now();
    const awakeUntil = Math.min(until, start + spin.micros);
    let ready = epoll.wait(0);
    while (ready === 0 && now() < awakeUntil) {
      // Whoever else wants this core gets it: spinning must not slow the tenants down.
      yieldCore();
      ready = epoll.wait(0);
    }
    if (ready > 0) return ready;
    const asleep = now();
    ready = epoll.wait(Math.max(0, until - asleep));
    spin.slept(now() - asleep);
    return ready;
  };

  say({ type: 'ready' });
  for (;;) {
    const more = vswitch.run(now());
    const ready = more ? epoll.wait(0) : wait(vswitch.nextTimeout());
    vswitch.underlayReady = false;
    vswitch.portReady.fill(0);
    for (let i = 0; i < ready; i++) {
      const tag = epoll.tag(i);
      if (tag === TAG_UNDERLAY) vswitch.underlayReady = true;
      else if (tag === TAG_WAKE) {
        if (!obey()) return;
      } else {
        vswitch.portReady[tag - TAG_FIRST_PORT] = 1;
        if (epoll.hasFailed(i)) giveUp(tag - TAG_FIRST_PORT);
      }
    }
  }
}

main(workerData as DataThreadStart);
