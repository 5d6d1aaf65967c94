// The service for clients as an engine. Records come in memory that nothing announces while a session is awake; so the
// engine asks to be run again at once while they keep coming and for a short, adaptive time after, and only then lets
// doorbells wake it.
import type { Engine, EngineIo, Watch } from '../../runtime/engine.ts';
import { SpinTime } from '../../runtime/spin.ts';
import type { ClientsGiven } from './given.ts';
import type { ClientsReport } from './report.ts';
import { ClientService, type ServiceState } from './service.ts';

/**
 * Sessions looked at in a row without finding anything before a turn ends: half a microsecond after there was something,
 * then less, for another thread may want the core, perhaps the one that is to send the next record.
 */
const LOOKS = 8;
const FEW_LOOKS = 2;
/** Sessions looked at in a turn. */
const MOST_LOOKS = 128;
/** How long clients that always have more are still served when the engine is removed. */
const DRAIN_MICROS = 100_000;

export interface ClientsState {
  readonly service: ServiceState;
  readonly spinMicros: number;
  /** It was saved in the middle of a turn that threw. */
  readonly interrupted: boolean;
}

type Phase = 'serving' | 'looking' | 'asleep';

export class ClientsEngine implements Engine<ClientsState> {
  readonly service: ClientService;
  private readonly watch: Watch;
  private readonly spin: SpinTime;
  private phase: Phase = 'serving';
  /** When this phase began. */
  private since = 0;
  private mustRecover: boolean;
  private inTurn = false;
  private drainUntil: number | undefined;

  constructor(io: EngineIo<ClientsGiven>, old?: ClientsState) {
    this.service = new ClientService(io.given, old?.service);
    this.spin = new SpinTime(old?.spinMicros);
    this.watch = io.watch(io.given.resources.fd);
    this.mustRecover = old === undefined || old.interrupted;
  }

  run(now: number, budget: number): number {
    const { service, spin } = this;
    this.inTurn = true;
    if (this.mustRecover) {
      service.recover();
      this.mustRecover = false;
    }
    if (this.phase === 'asleep') spin.slept(now - this.since);
    if (this.watch.ready || now >= service.nextDeadline) service.attend(now);
    const served = this.serve(budget);
    if (served > 0) this.enter('serving', now);
    else if (this.phase !== 'looking') this.enter('looking', now);
    const isPatient = service.awakeSessions > 0 && now - this.since < spin.micros;
    if (this.phase === 'looking' && !isPatient && service.arm()) this.enter('asleep', now);
    this.inTurn = false;
    return served;
  }

  nextTimeout(): number {
    return this.phase === 'asleep' ? this.service.nextDeadline : 0;
  }

  /** Serves what is there, but not for ever, and then ends all sessions. */
  drain(now: number): boolean {
    this.drainUntil ??= now + DRAIN_MICROS;
    if (!this.service.drain() && now < this.drainUntil) return false;
    this.service.endAll();
    return true;
  }

  save(): ClientsState {
    return {
      service: this.service.save(),
      spinMicros: this.spin.micros,
      interrupted: this.inTurn || this.mustRecover,
    };
  }

  report(): ClientsReport {
    return this.service.report();
  }

  private serve(budget: number): number {
    const { service } = this;
    let served = 0;
    let looks = this.phase === 'looking' ? FEW_LOOKS : LOOKS;
    for (let left = MOST_LOOKS; left > 0 && looks > 0 && served < budget; left -= service.awakeSessions) {
      if (service.awakeSessions === 0) break;
      const done = service.serve(budget - served);
      served += done;
      looks = done > 0 ? LOOKS : looks - service.awakeSessions;
    }
    return served;
  }

  private enter(phase: Phase, now: number): void {
    this.phase = phase;
    this.since = now;
  }
}
