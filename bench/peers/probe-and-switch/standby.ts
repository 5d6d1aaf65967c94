// An active and a standby tunnel, both probed once a second; after three misses in a row on the active one the standby takes
// over, if that answers. Pure: a second is a call.
export const MISSES = 3;

export class Standby {
  /** The tunnel in use. */
  active = 0;
  private readonly misses: number[];

  constructor(tunnels: number) {
    this.misses = Array.from({ length: tunnels }, () => 0);
  }

  /** Which tunnels answered in the last second; true when another one is to be used from now on. */
  second(answered: readonly boolean[]): boolean {
    answered.forEach((hasAnswered, tunnel) => {
      this.misses[tunnel] = hasAnswered ? 0 : this.misses[tunnel]! + 1;
    });
    if (this.misses[this.active]! < MISSES) return false;
    const other = this.misses.indexOf(0);
    if (other < 0) return false;
    this.active = other;
    return true;
  }
}
