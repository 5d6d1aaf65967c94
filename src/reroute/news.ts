// Says what the core decided since it was last asked, a line each, in plain words.

import type { ReroutingCore } from '../paths/reroute/core.ts';
import { alarmsOf, decisionsOf } from './facts.ts';
import { alarmText, decisionText } from './words.ts';

export class News {
  private readonly name: string;
  private readonly say: (line: string) => void;
  private toldUntil = Number.NEGATIVE_INFINITY;
  private alarmed = new Set<string>();

  /** `name` is the device's. */
  constructor(name: string, say: (line: string) => void) {
    this.name = name;
    this.say = say;
  }

  tell(core: ReroutingCore, now: number): void {
    const events = core.events().filter(({ atMicros }) => atMicros > this.toldUntil);
    if (events.length > 0) this.toldUntil = events.at(-1)!.atMicros;
    for (const decision of decisionsOf(events, this.name, now)) {
      this.say(`${decision.peer}: ${decisionText(decision)}`);
    }
    const alarms = alarmsOf(core, now);
    for (const alarm of alarms) {
      if (!this.alarmed.has(alarm.endpoint)) this.say(`Alarm: ${alarmText(alarm)}.`);
    }
    this.alarmed = new Set(alarms.map(({ endpoint }) => endpoint));
  }
}
