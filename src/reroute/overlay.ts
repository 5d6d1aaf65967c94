// Keeps rerouting in place while its surroundings change: the device may go and come back, the underlay's devices and our
// address may become others. What is in the kernel stays in force from one to the next as far as it still fits.

import { randomBytes } from 'node:crypto';
import { SelvageError } from '../base/errors.ts';
import type { ReroutingCore } from '../paths/reroute/core.ts';
import { Rerouter } from '../paths/reroute/rerouter.ts';
import { ROLE_MIDDLEBOX, type Role } from '../paths/reroute/roles.ts';
import { formatHostAddress } from '../wire/address.ts';
import type { Tools } from './find-device.ts';
import { DEFAULTS } from './options.ts';
import { monotonicMicros, Rerouting } from './rerouting.ts';
import { areSameUnderlays, isSameOverlay, lookAround, type Surroundings } from './surroundings.ts';

export interface OverlaySettings {
  readonly role: Role;
  /** The first of the source ports. */
  readonly basePort: number;
  readonly tools: Tools;
  /** Called now and then while it reroutes. */
  readonly onLook: (core: ReroutingCore, now: number) => void;
  readonly say: (line: string) => void;
}

export class Overlay {
  /** Undefined while there is no device. */
  rerouting: Rerouting | undefined;
  /** What it was started with, or what has changed since. */
  around: Surroundings | undefined;
  readonly name: string;
  private readonly settings: OverlaySettings;
  private complaint = '';
  private isStopped = false;

  /** `name` is that of the device. */
  constructor(name: string, settings: OverlaySettings) {
    this.name = name;
    this.settings = settings;
  }

  /** Looks how things are and follows. What is not there is waited for, and said once; throws what cannot be had at all. */
  async follow(): Promise<void> {
    let around: Surroundings;
    try {
      around = await lookAround(this.settings.tools, this.name);
    } catch (error) {
      if (!this.isStopped) this.suspend(SelvageError.from(error));
      return;
    }
    if (this.isStopped) return;
    this.complaint = '';
    const { rerouting, around: before } = this;
    if (rerouting === undefined || before === undefined) this.begin(around);
    else if (!isSameOverlay(before, around)) {
      rerouting.handOver();
      this.rerouting = undefined;
      this.begin(around);
    } else if (!areSameUnderlays(before, around)) {
      rerouting.setUnderlays(around.underlays);
      this.around = around;
      this.settings.say(`${this.name} now sends by ${names(around)}.`);
    }
  }

  /** Leaves the devices as they were. */
  stop(): void {
    this.isStopped = true;
    this.rerouting?.stop();
    this.rerouting = undefined;
  }

  private begin(around: Surroundings): void {
    const { role, basePort, onLook, say } = this.settings;
    const { device, local, underlays, peers, mac } = around;
    const secret = new Uint32Array(new Uint8Array(randomBytes(16)).buffer);
    const core = new Rerouter(monotonicMicros(), {
      address: local,
      role,
      // Whoever is one of several behind an address says which.
      backend: role === ROLE_MIDDLEBOX ? mac : 0,
      secret: [secret[0]!, secret[1]!, secret[2]!, secret[3]!],
      processId: new Uint32Array(new Uint8Array(randomBytes(4)).buffer)[0]!,
      basePort,
      maxElements: DEFAULTS.maxElements,
    });
    const ends = { port: device.port, local, underlays, learns: role === ROLE_MIDDLEBOX };
    this.rerouting = new Rerouting(ends, core, (now) => onLook(core, now));
    this.around = around;
    this.rerouting.expect(peers);
    say(
      `Reroutes ${device.name}: UDP port ${device.port} from ${formatHostAddress(local)} by ${names(around)}.`,
    );
  }

  private suspend({ message, hint = '' }: SelvageError): void {
    this.rerouting?.stop();
    this.rerouting = undefined;
    this.around = undefined;
    if (message === this.complaint) return;
    this.complaint = message;
    this.settings.say(`${message} ${hint} Waits until that is different.`.replaceAll(/\s+/g, ' '));
  }
}

function names({ underlays }: Surroundings): string {
  return underlays.map(({ name }) => name).join(', ');
}
