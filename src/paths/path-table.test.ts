import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathTable, SLOTS } from './path-table.ts';
import { SLOT_BAD, SLOT_HEALTHY, SLOT_STATE_NAMES, SLOT_SUSPECT } from './slot-health.ts';

const SLOT = 3;

/** One peer's table, with the probes it asks for. */
class Rig {
  now = 1_000_000;
  readonly table = new PathTable(this.now);
  readonly probes: number[] = [];
  /** Whether probes can be sent. */
  connected = true;

  constructor() {
    this.table.addPeer();
  }

  get state(): string {
    return SLOT_STATE_NAMES[this.table.stateOf(0, SLOT)]!;
  }

  turn(): void {
    this.table.probe(this.now, (_peer, slot) => {
      if (this.connected) this.probes.push(slot);
      return this.connected;
    });
  }

  pass(micros: number): void {
    const end = this.now + micros;
    for (let next = this.table.nextTimeout(); next <= end; next = this.table.nextTimeout()) {
      this.now = Math.max(next, this.now + 1);
      this.turn();
    }
    this.now = end;
  }

  timeout(): void {
    this.table.onTimeout(0, SLOT, this.now, this.now);
    this.turn();
  }

  answer(): void {
    this.now += 128;
    this.table.onProbeAnswered(0, SLOT, 100, this.now);
    this.turn();
  }
}

const states: Record<string, (rig: Rig) => void> = {
  healthy: () => {},
  suspect: (rig) => rig.timeout(),
  bad: (rig) => {
    rig.timeout();
    rig.timeout();
  },
  'bad, one answer': (rig) => {
    rig.timeout();
    rig.timeout();
    rig.answer();
  },
};

const events: Record<string, (rig: Rig) => void> = {
  timeout: (rig) => rig.timeout(),
  'round trip': (rig) => rig.table.onRoundTrip(0, SLOT, rig.now - 50, rig.now),
  'probe answered': (rig) => rig.answer(),
  'probe unanswered': (rig) => rig.pass(6000),
  'two answers': (rig) => {
    rig.answer();
    rig.answer();
  },
};

describe('the state machine of a slot', () => {
  it('is this', () => {
    const lines = Object.entries(states).flatMap(([from, begin]) =>
      Object.entries(events).map(([event, happen]) => {
        const rig = new Rig();
        begin(rig);
        rig.probes.length = 0;
        happen(rig);
        return `${from.padEnd(17)}${event.padEnd(18)}${rig.state.padEnd(9)}probes ${rig.probes.length}`;
      }),
    );
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "healthy          timeout           suspect  probes 1
      healthy          round trip        healthy  probes 0
      healthy          probe answered    healthy  probes 0
      healthy          probe unanswered  healthy  probes 0
      healthy          two answers       healthy  probes 0
      suspect          timeout           bad      probes 0
      suspect          round trip        healthy  probes 0
      suspect          probe answered    healthy  probes 0
      suspect          probe unanswered  bad      probes 1
      suspect          two answers       healthy  probes 0
      bad              timeout           bad      probes 0
      bad              round trip        bad      probes 0
      bad              probe answered    bad      probes 1
      bad              probe unanswered  bad      probes 1
      bad              two answers       healthy  probes 1
      bad, one answer  timeout           bad      probes 0
      bad, one answer  round trip        bad      probes 0
      bad, one answer  probe answered    healthy  probes 0
      bad, one answer  probe unanswered  bad      probes 0
      bad, one answer  two answers       healthy  probes 0"
    `);
  });

  it('takes what many connections heard of one silence for one event', () => {
    const rig = new Rig();
    const began = rig.now;
    rig.now += 500;
    for (let connection = 0; connection < 5; connection++) rig.table.onTimeout(0, SLOT, began, rig.now);
    expect(rig.state).toBe('suspect');
    // A silence that began later is another one.
    rig.table.onTimeout(0, SLOT, rig.now, rig.now + 500);
    expect(rig.state).toBe('bad');
  });

  it('asks a bad slot less and less often, but once a second at the least', () => {
    const rig = new Rig();
    rig.timeout();
    rig.probes.length = 0;
    rig.pass(2_000_000);
    // 5, 10, 20, … ms apart, eight times, and then every second.
    expect(rig.probes.length).toBe(8);
    rig.pass(10_000_000);
    expect(rig.probes.length).toBe(18);
    expect(rig.state).toBe('bad');
  });

  it('asks nothing of healthy slots', () => {
    const rig = new Rig();
    rig.timeout();
    rig.answer();
    expect(rig.state).toBe('healthy');
    expect(rig.table.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  it('is not held against a slot that its probe could not be sent', () => {
    const rig = new Rig();
    rig.connected = false;
    rig.timeout();
    rig.pass(100_000);
    expect(rig.state).toBe('suspect');
    rig.connected = true;
    rig.pass(2_000_000);
    expect(rig.state).toBe('bad');
  });

  it('starts over on another port: what the old one answers counts for nothing', () => {
    const rig = new Rig();
    rig.timeout();
    rig.timeout();
    rig.pass(2_000_000);
    rig.probes.length = 0;
    rig.table.rebind(0, SLOT, 9, 1, rig.now);
    rig.pass(1000);
    expect(rig.probes).toEqual([SLOT]);
    rig.answer();
    rig.answer();
    expect(rig.state).toBe('healthy');
    rig.table.rebind(0, SLOT, 10, 1, rig.now);
    rig.answer();
    expect(rig.table.rttMicros(0, SLOT)).toBe(0);
  });

  it('counts what happened for people', () => {
    const rig = new Rig();
    rig.timeout();
    rig.answer();
    rig.timeout();
    rig.timeout();
    rig.answer();
    rig.answer();
    expect(rig.table.changes).toEqual({ suspected: 2, failed: 1, recovered: 2, rebound: 0 });
  });
});

describe('the next slot', () => {
  it('takes another route than the one to avoid, where there is a healthy one', () => {
    const table = new PathTable(0);
    const peer = table.addPeer();
    for (let slot = 0; slot < SLOTS; slot++) table.setRoute(peer, slot, slot < 4 ? 1 : 2);
    expect(table.next(peer, 0, 0)).toBe(4);
    expect(table.next(peer, 0)).toBe(1);
    for (let slot = 4; slot < SLOTS; slot++) table.onTimeout(peer, slot, 0, 0);
    expect(table.next(peer, 0, 0)).toBe(1);
  });

  it('is not one that is about to change, as long as another is healthy', () => {
    const table = new PathTable(0);
    const peer = table.addPeer();
    table.setDraining(peer, 1, true);
    expect(table.next(peer, 0)).toBe(2);
    for (let slot = 0; slot < SLOTS; slot++) if (slot !== 1) table.onTimeout(peer, slot, 0, 0);
    expect(table.next(peer, 0)).toBe(1);
  });

  it('is the nearest in turn of the best state there is, and another than the one to avoid', () => {
    const stateList = fc.array(fc.integer({ min: SLOT_HEALTHY, max: SLOT_BAD }), {
      minLength: SLOTS,
      maxLength: SLOTS,
    });
    fc.assert(
      fc.property(stateList, fc.nat(SLOTS - 1), fc.boolean(), (wanted, from, avoiding) => {
        const table = new PathTable(0);
        table.addPeer();
        const peer = table.addPeer();
        for (const [slot, state] of wanted.entries()) {
          if (state >= SLOT_SUSPECT) table.onTimeout(peer, slot, 0, 0);
          if (state === SLOT_BAD) table.onTimeout(peer, slot, 0, 0);
        }
        const avoid = avoiding ? from : -1;
        const order = Array.from({ length: SLOTS }, (_, i) => (from + 1 + i) % SLOTS).filter(
          (slot) => slot !== avoid,
        );
        const best = Math.min(...order.map((slot) => wanted[slot]!));
        expect(table.next(peer, from, avoid)).toBe(order.find((slot) => wanted[slot] === best));
        // The other peer's slots are its own.
        expect(table.next(0, from)).toBe((from + 1) % SLOTS);
      }),
    );
  });
});

describe('the timeout of a slot', () => {
  function table(...samples: number[]): PathTable {
    const made = new PathTable(0);
    made.addPeer();
    for (const sample of samples) made.onSample(0, SLOT, sample);
    return made;
  }

  it('starts at 4 ms', () => {
    expect(table().timeoutMicros(0, SLOT)).toBe(4000);
  });

  it('comes down to a few round trips, and no further than pays', () => {
    const steady = (rtt: number) => table(...new Array(50).fill(rtt)).timeoutMicros(0, SLOT);
    expect(steady(20)).toBe(400);
    expect(steady(300)).toBe(850);
    expect(steady(1_000_000)).toBe(500_000);
  });

  it('grows with what round trips vary', () => {
    const steady = table(...new Array(50).fill(200));
    const varied = table(...Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 100 : 300)));
    expect(varied.timeoutMicros(0, SLOT)).toBeGreaterThan(1.2 * steady.timeoutMicros(0, SLOT));
  });

  it('of a slot without samples is a guess from its neighbours, shorter than 4 ms and longer than theirs', () => {
    const known = table(200, 200, 200);
    const guess = known.timeoutMicros(0, SLOT + 1);
    expect(guess).toBeLessThan(4000);
    expect(guess).toBeGreaterThan(known.timeoutMicros(0, SLOT));
    expect(table(2000).timeoutMicros(0, SLOT + 1)).toBe(4000);
  });

  it('is longer than what another slot may overtake it by', () => {
    for (const rtt of [20, 100, 1000, 10_000]) {
      const { reorder, timeout } = {
        reorder: table(rtt, rtt, rtt).reorderMicros(0, SLOT),
        timeout: table(rtt, rtt, rtt).timeoutMicros(0, SLOT),
      };
      expect(reorder).toBeGreaterThanOrEqual(1.5 * rtt);
      expect(reorder).toBeLessThan(timeout);
    }
  });

  it('follows RFC 6298', () => {
    const one = table(1000);
    expect(one.rttMicros(0, SLOT)).toBe(1000);
    expect(one.timeoutMicros(0, SLOT)).toBe(1000 + 4 * 500 + 250);
    one.onSample(0, SLOT, 2000);
    expect(one.rttMicros(0, SLOT)).toBe(1125);
    expect(one.timeoutMicros(0, SLOT)).toBe(1125 + 4 * (0.75 * 500 + 0.25 * 1000) + 250);
  });
});
