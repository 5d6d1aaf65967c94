// Carries out surveys (paths/survey.ts) from source ports that belong to no socket of ours, so that a kernel's VXLAN device
// can go on using them.

import { TimeExceeded } from '../device/time-exceeded.ts';
import { RawUdpSender } from '../linux/raw-udp.ts';
import { RouteSurvey } from '../paths/survey.ts';
import { formatHostAddress, type HostAddress } from '../wire/address.ts';
import { type ReturnedProbe, writeForeignProbe } from '../wire/route-probe.ts';
import { familyOf } from './overlay-device.ts';

interface Running {
  readonly survey: RouteSurvey;
  readonly peer: string;
  readonly wake: () => void;
}

export class Surveyor {
  private readonly sender: RawUdpSender;
  private readonly answers: TimeExceeded;
  private readonly own: string;
  private readonly port: number;
  private running: Running | undefined;

  /** `port` is that of the overlay. Throws 'no-privilege' without CAP_NET_RAW. */
  constructor(source: HostAddress, port: number) {
    this.own = formatHostAddress(source);
    this.port = port;
    this.sender = new RawUdpSender(source);
    this.answers = new TimeExceeded(familyOf(source), (probe, router) => this.onAnswer(probe, router));
  }

  /** One at a time. `sourcePorts` are those to look from. */
  survey(peer: HostAddress, sourcePorts: readonly number[]): Promise<RouteSurvey> {
    const survey = new RouteSurvey(sourcePorts);
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const wake = () => {
        clearTimeout(timer);
        for (let probe = survey.poll(now()); probe !== undefined; probe = survey.poll(now())) {
          this.send(peer, probe.candidate, probe.ttl);
        }
        if (!survey.isDone) {
          timer = setTimeout(wake, (survey.nextTimeout(now()) - now()) / 1000);
          return;
        }
        this.running = undefined;
        resolve(survey);
      };
      this.running = { survey, peer: formatHostAddress(peer), wake };
      wake();
    });
  }

  close(): void {
    this.answers.close();
    this.sender.close();
  }

  private send(destination: HostAddress, sourcePort: number, hops: number): void {
    const { sender, port } = this;
    const length = writeForeignProbe(sender.bytes.view, sender.payloadAt, hops);
    sender.queue({ destination, sourcePort, destinationPort: port, hops }, length);
    sender.flush();
  }

  private onAnswer(
    { source, destination, destinationPort, sourcePort, ttl }: ReturnedProbe,
    router: HostAddress,
  ): void {
    const { running } = this;
    if (running === undefined || destinationPort !== this.port) return;
    if (formatHostAddress(source) !== this.own || formatHostAddress(destination) !== running.peer) return;
    running.survey.onAnswer(now(), { candidate: sourcePort, ttl }, formatHostAddress(router));
    running.wake();
  }
}

function now(): number {
  return performance.now() * 1000;
}
