// What an emulator process is told when it is started, and in its files.
export interface EmulatorSpec {
  /** The TAPs to make; a namespace that is absent is the caller's own. */
  readonly ends: readonly [TapEnd, TapEnd];
  readonly mtu: number;
  /** WrittenParameters as JSON. */
  readonly parametersFile: string;
  /** The counts of both directions as JSON, written while they change. */
  readonly countsFile: string;
  /** The process ends when its standard input does. */
  readonly endsWithInput: boolean;
}

export interface TapEnd {
  readonly netns?: string;
  readonly tap: string;
}

export interface WrittenParameters {
  readonly delayMicros: number;
  /** Absent: unlimited, as JSON has no Infinity. */
  readonly rateBitsPerSecond?: number;
  readonly queuePackets: number;
}
