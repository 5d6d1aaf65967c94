// Drives the clients' service on a thread of its own: serves while there is something to serve, looks for more a short,
// adaptive time, then sleeps in epoll.
import { Epoll } from '../../linux/epoll.ts';
import { yieldCore } from '../../linux/scheduling.ts';
import { SpinTime } from '../../runtime/spin.ts';
import type { ClientService } from './service.ts';

/** Records a flow and turn. */
const BUDGET = 1024;
/** Connections and messages are looked at once in so many turns while records keep coming. */
const ATTEND_TURNS = 256;
/** Another thread that is ready gets the core once in so many looks. */
const YIELD_LOOKS = 16;
const TAG_SERVICE = 0;
const TAG_CONTROL = 1;

/** Until `obey` returns false; it is asked when `controlFd` is readable. */
export function serveClients(
  service: ClientService,
  controlFd: number,
  now: () => number,
  obey: () => boolean,
): void {
  const epoll = new Epoll();
  epoll.add(service.fd, TAG_SERVICE);
  epoll.add(controlFd, TAG_CONTROL);
  const spin = new SpinTime();
  /** False when told to stop. */
  const attend = (ready: number): boolean => {
    for (let i = 0; i < ready; i++) if (epoll.tag(i) === TAG_CONTROL && !obey()) return false;
    service.attend(now());
    return true;
  };
  /** Whether there was work before the time to look for it was over. */
  const look = (): boolean => {
    const until = now() + spin.micros;
    for (let looks = 1; now() < until; looks++) {
      if (service.serve(BUDGET) > 0) return true;
      if (looks % YIELD_LOOKS === 0) yieldCore();
    }
    return false;
  };
  for (let turns = 1; ; turns++) {
    const isBusy = service.serve(BUDGET) > 0 || look() || !service.arm();
    if (isBusy) {
      if (turns % ATTEND_TURNS === 0 && !attend(epoll.wait(0))) break;
      continue;
    }
    const asleep = now();
    const ready = epoll.wait(Math.max(0, service.nextTimeout() - asleep));
    spin.slept(now() - asleep);
    if (!attend(ready)) break;
  }
  epoll.close();
}
