// Runs the load client in a node of a lab, as a process of its own like any tenant's program.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { exitStatus } from '../../lab/execute.ts';
import type { Lab } from '../../lab/lab.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { builtProgram } from './built-program.ts';
import {
  type LoadEvent,
  type LoadProgress,
  type LoadSpec,
  PHASE,
  type PhaseReport,
  STOP,
  type Timeline,
} from './load-client/protocol.ts';

export interface Load {
  /** From here on counts as another phase. */
  enterPhase(name: string): void;
  /** Ends the load, if it has not ended by itself; its phases in their order. */
  stop(): Promise<readonly PhaseReport[]>;
  /** The same with what happened when, if it was asked to keep that. */
  stopWithTimeline(): Promise<LoadReport>;
  /** For how long the connection that waits for longest has had no answer, as it was a moment ago. */
  readonly stalledMillis: number;
  /** When it ends by itself. */
  readonly ended: Promise<readonly PhaseReport[]>;
}

export interface LoadReport {
  readonly phases: readonly PhaseReport[];
  readonly timeline?: Timeline;
}

/** Resolves when all connections are made and requests flow. */
export async function startLoad(
  lab: Lab,
  node: string,
  spec: LoadSpec,
  env: Readonly<Record<string, string>> = {},
): Promise<Load> {
  const argv = [process.execPath, builtProgram('load-client'), JSON.stringify(spec)];
  const child = await lab.exec(node, argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  child.stdin!.on('error', () => {});
  const events = listen(child, `${node} to ${spec.host}`);
  const ended = events.report.then(({ phases }) => phases);
  // Its failure is told to whoever waits for it; until then nobody does.
  ended.catch(() => {});
  let stalledMillis = 0;
  events.onProgress((progress) => {
    stalledMillis = progress.stalledMillis;
  });
  await events.connected;
  const say = (line: string) => child.stdin!.write(`${line}\n`);
  return {
    enterPhase: (name) => say(`${PHASE}${name}`),
    stop: async () => {
      say(STOP);
      return (await events.report).phases;
    },
    stopWithTimeline: () => {
      say(STOP);
      return events.report;
    },
    get stalledMillis() {
      return stalledMillis;
    },
    ended,
  };
}

interface Events {
  readonly connected: Promise<void>;
  readonly report: Promise<LoadReport>;
  onProgress(listener: (progress: LoadProgress) => void): void;
}

function listen(child: ChildProcess, where: string): Events {
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const seen = new Map<LoadEvent['event'], (event: LoadEvent) => void>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const event = JSON.parse(line) as LoadEvent;
    seen.get(event.event)?.(event);
  });
  const failure = exitStatus(child).then((status) => {
    const why = stderr.trim().split('\n').pop() || `it exited with ${status}`;
    throw new SelvageError('failed', `The load from ${where} broke off: ${why}`);
  });
  const connected = new Promise<void>((resolve) => seen.set('connected', () => resolve()));
  const report = new Promise<LoadReport>((resolve) =>
    seen.set('report', (event) => resolve(event as LoadReport & LoadEvent)),
  );
  return {
    connected: Promise.race([connected, failure]),
    report: Promise.race([report, failure]),
    onProgress: (listener) => seen.set('progress', (event) => listener(event as LoadProgress)),
  };
}
