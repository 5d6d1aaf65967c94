// Keeps rerouting in place while its surroundings change: devices may go and come back, the underlay's devices and our
// address may become others. What is in the kernel stays in force from one to the next as far as it still fits.

import { randomBytes } from 'node:crypto';
import { SelvageError } from '../base/errors.ts';
import type { ReroutingCore } from '../paths/reroute/core.ts';
import { Rerouter } from '../paths/reroute/rerouter.ts';
import { ROLE_MIDDLEBOX, type Role } from '../paths/reroute/roles.ts';
import { formatHostAddress } from '../wire/address.ts';
import type { Tools } from './find-device.ts';
import { DEFAULTS } from './options.ts';
import { familyOf } from './overlay-device.ts';
import { monotonicMicros, Rerouting } from './rerouting.ts';
import type { StateFile, StateOwner } from './state-file.ts';
import { areSameUnderlays, lookAround, type Surroundings } from './surroundings.ts';

/** Between two copies of what is known; of many peers it is long. */
const SAVE_MICROS = 10e6;
const MANY_PEERS = 256;

export interface OverlaySettings {
  readonly role: Role;
  /** The first of the source ports. */
  readonly basePort: number;
  readonly tools: Tools;
  readonly state: StateFile;
  /** Called now and then while it reroutes. */
  readonly onLook: (core: ReroutingCore, now: number) => void;
  readonly say: (line: string) => void;
}

export class Overlay {
  /** Undefined while there is none of the devices. */
  rerouting: Rerouting | undefined;
  /** What it was started with, or what has changed since. */
  around: Surroundings | undefined;
  readonly names: readonly string[];
  private readonly settings: OverlaySettings;
  private owner: StateOwner | undefined;
  private saveAt = 0;
  private complaint = '';
  private hasBegun = false;
  private isStopped = false;

  /** `names` are those of the devices, one at least. */
  constructor(names: readonly string[], settings: OverlaySettings) {
    this.names = names;
    this.settings = settings;
  }

  /** What is known is told of under this name. */
  get name(): string {
    return this.names[0]!;
  }

  /** Looks how things are and follows. What is not there is waited for, and said once; throws when it cannot even begin. */
  async follow(): Promise<void> {
    let around: Surroundings;
    try {
      around = await lookAround(this.settings.tools, this.names, false);
    } catch (error) {
      if (!this.isStopped) this.suspend(SelvageError.from(error));
      return;
    }
    if (this.isStopped) return;
    try {
      this.adapt(around);
      this.complaint = '';
    } catch (error) {
      if (!this.hasBegun) throw error;
      // A device may have gone again since it was seen.
      this.suspend(SelvageError.from(error));
    }
  }

  /** Leaves the devices as they were. */
  async stop(): Promise<void> {
    this.isStopped = true;
    const { rerouting } = this;
    this.rerouting = undefined;
    if (rerouting === undefined) return;
    const saved = this.save(rerouting.core, monotonicMicros());
    rerouting.stop();
    await saved;
  }

  private adapt(around: Surroundings): void {
    const { rerouting, around: before } = this;
    if (rerouting === undefined || before === undefined) {
      this.begin(around);
      return;
    }
    if (around.port !== before.port || familyOf(around.local) !== familyOf(before.local)) {
      rerouting.stop();
      this.begin(around);
      return;
    }
    const isElsewhere = !areSameUnderlays(before, around);
    if (isElsewhere) rerouting.setUnderlays(around.underlays);
    const hasMoved = isElsewhere || before.devices.join() !== around.devices.join();
    this.around = around;
    if (formatHostAddress(before.local) !== formatHostAddress(around.local)) {
      rerouting.handOver();
      this.begin(around);
    } else if (hasMoved) this.settings.say(`Now it is ${around.devices.join(' and ')} by ${ways(around)}.`);
  }

  private save(core: ReroutingCore, now: number): Promise<void> {
    const saved = core.save();
    this.saveAt = now + (saved.peers.length > MANY_PEERS ? 6 : 1) * SAVE_MICROS;
    return this.settings.state.write(this.owner!, saved, now);
  }

  private begin(around: Surroundings): void {
    const { role, basePort, onLook, say, state } = this.settings;
    const { devices, port, local, underlays, peers, mac } = around;
    const now = monotonicMicros();
    this.owner = { address: formatHostAddress(local), port, basePort, role };
    const secret = new Uint32Array(new Uint8Array(randomBytes(16)).buffer);
    const options = {
      address: local,
      role,
      // Whoever is one of several behind an address says which.
      backend: role === ROLE_MIDDLEBOX ? mac : 0,
      secret: [secret[0]!, secret[1]!, secret[2]!, secret[3]!] as const,
      processId: new Uint32Array(new Uint8Array(randomBytes(4)).buffer)[0]!,
      basePort,
      maxElements: DEFAULTS.maxElements,
    };
    const core = new Rerouter(now, options, state.read(this.owner, now));
    const ends = { port, local, underlays, learns: role === ROLE_MIDDLEBOX };
    this.rerouting = new Rerouting(ends, core, (at) => {
      onLook(core, at);
      if (at >= this.saveAt) void this.save(core, at);
    });
    this.around = around;
    this.hasBegun = true;
    const from = formatHostAddress(local);
    say(`Reroutes ${devices.join(' and ')}: UDP port ${port} from ${from} by ${ways(around)}.`);
    this.rerouting.begin(peers);
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

function ways({ underlays }: Surroundings): string {
  return underlays.map(({ name }) => name).join(', ');
}
