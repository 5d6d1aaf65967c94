// The place of one engine in its executor: the engine, what it is plugged into, when it is due, and what is counted of
// it. The place stays when the engine is replaced or restarted.

import type { AnyFactory, Engine, EngineIo, SavedState, Watch } from './engine.ts';
import { InputPort, OutputPort } from './ports.ts';

/** Units of work in one turn, where nothing else is asked for. */
export const DEFAULT_BUDGET = 256;

/** A descriptor and whom it wakes. */
export class SlotWatch implements Watch {
  ready = false;
  readonly fd: number;
  readonly slot: Slot;

  constructor(fd: number, slot: Slot) {
    this.fd = fd;
    this.slot = slot;
  }
}

/** An engine that was loaded, and what it asked for on the way; nothing of it is in force yet. */
export interface Loaded {
  readonly factory: AnyFactory;
  readonly engine: Engine;
  readonly inputs: ReadonlyMap<string, InputPort>;
  readonly outputs: ReadonlyMap<string, OutputPort>;
  readonly watches: ReadonlyMap<number, SlotWatch>;
}

/** `waiting`: it failed, and will be started again. */
export type SlotState = 'running' | 'waiting' | 'stopped';

export class Slot {
  readonly name: string;
  readonly budget: number;
  readonly given: unknown;
  factory!: AnyFactory;
  engine!: Engine;
  inputs: ReadonlyMap<string, InputPort> = new Map();
  outputs: ReadonlyMap<string, OutputPort> = new Map();
  watches: ReadonlyMap<number, SlotWatch> = new Map();
  /** As arrays, for every turn. */
  inputList: readonly InputPort[] = [];
  watchList: readonly SlotWatch[] = [];
  state: SlotState = 'running';
  /** It is being removed, and stays until it has passed on all that it holds. */
  leaving = false;
  /** A descriptor or a queue has something for it, or it had more to do than its budget. */
  woken = true;
  timeout = 0;
  /** Microseconds it has had, for comparing it with others; and whether it had something to do in the last turn. */
  share = 0;
  wasDue = false;
  turns = 0;
  work = 0;
  busyMicros = 0;
  longestTurnMicros = 0;
  replacements = 0;
  /** Of the last replacement: from the old engine's last turn until the new one could have its first. */
  lastGapMicros = 0;
  replacedAt = Number.NEGATIVE_INFINITY;
  /** The factory before the last replacement, to which a new one that fails at once gives way. */
  previous: AnyFactory | undefined;
  restarts = 0;
  /** Failures without a longer time of calm between them. */
  failures = 0;
  failedAt = Number.NEGATIVE_INFINITY;
  lastError: string | undefined;
  /** What it left when it failed, and when to try again. */
  saved: SavedState | undefined;
  retryAt = 0;

  private readonly wake = (): void => {
    this.woken = true;
  };

  constructor(name: string, given: unknown, budget: number) {
    this.name = name;
    this.given = given;
    this.budget = budget;
  }

  /** Loads an engine for this place. Throws what its factory throws. */
  load(factory: AnyFactory, old: SavedState | undefined, nowMicros: number): Loaded {
    const inputs = new Map<string, InputPort>();
    const outputs = new Map<string, OutputPort>();
    const watches = new Map<number, SlotWatch>();
    const io: EngineIo<unknown> = {
      given: this.given,
      nowMicros,
      input: (name) => keep(inputs, name, this.inputs.get(name) ?? new InputPort(this.wake)),
      output: (name) => keep(outputs, name, this.outputs.get(name) ?? new OutputPort(this.wake)),
      watch: (fd) => keep(watches, fd, this.watches.get(fd) ?? new SlotWatch(fd, this)),
    };
    const engine = factory.load(io as EngineIo<never>, old);
    return { factory, engine, inputs, outputs, watches };
  }

  /** Puts a loaded engine in force. */
  install({ factory, engine, inputs, outputs, watches }: Loaded): void {
    this.factory = factory;
    this.engine = engine;
    this.inputs = inputs;
    this.outputs = outputs;
    this.watches = watches;
    this.inputList = [...inputs.values()];
    this.watchList = [...watches.values()];
    this.woken = true;
    this.timeout = 0;
    this.saved = undefined;
  }

  /** What an engine that takes this one's place goes on from. */
  lastState(): SavedState | undefined {
    if (this.state === 'waiting' || this.state === 'stopped') return this.saved;
    return { version: this.factory.version, state: this.engine.save() };
  }

  isDue(now: number): boolean {
    if (this.state === 'waiting') return this.retryAt <= now;
    if (this.state === 'stopped') return false;
    return this.woken || this.timeout <= now;
  }

  hasInput(): boolean {
    for (const input of this.inputList) if (input.hasRecords()) return true;
    return false;
  }

  /** When it is due though nothing arrives. */
  get nextTimeout(): number {
    if (this.state === 'waiting') return this.retryAt;
    return this.state === 'stopped' ? Number.POSITIVE_INFINITY : this.timeout;
  }
}

function keep<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}
