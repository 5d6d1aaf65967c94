// What this side knows of a flow in the kernel: its program, what it was told, and why its algorithm loses it.

import type { FlowInfo } from '../congestion/algorithm.ts';
import type { RegisterValues } from '../congestion/commands.ts';
import type { FallbackReason } from '../congestion/datapath.ts';
import { isVariable, type LoadedProgram } from '../congestion/interpreter/program.ts';
import { CWND, RATE } from '../congestion/language/instructions.ts';
import { toValue } from '../congestion/language/values.ts';
import { commands, refusals } from './layout.ts';
import type { Mail } from './mailbox.ts';

export interface Flow {
  readonly info: FlowInfo;
  readonly slot: number;
  /** Since when it is ours: what was said of it before was for somebody else. */
  readonly sinceMicros: number;
  /** The program last installed: the kernel's number for it, and the algorithm's. */
  generation: number;
  theirs: number;
  program: LoadedProgram | undefined;
  /** The last report that the algorithm has, and the last that it answered. */
  reported: number;
  answered: number;
  /** Why the algorithm loses it: what it threw, why its program is none, what it wanted set that cannot be. */
  failure: string;
  refusal: string;
  objection: string;
  /** For good: nothing that it says counts any more. */
  isLost: boolean;
  /** Its algorithm had it, and lost it by silence. */
  isMissed: boolean;
  /** What the mailbox could not take yet. */
  readonly waiting: Mail[];
}

export function newFlow(info: FlowInfo, slot: number, sinceMicros: number): Flow {
  return {
    info,
    slot,
    sinceMicros,
    generation: 0,
    theirs: 0,
    program: undefined,
    reported: 0,
    answered: 0,
    failure: '',
    refusal: '',
    objection: '',
    isLost: false,
    isMissed: false,
    waiting: [],
  };
}

/** Values to be set, up to the first that makes no sense. */
export function settingsOf({ program }: Flow, values: RegisterValues): Mail[] {
  const mail: Mail[] = [];
  for (const [register, value] of values) {
    const why = objectionTo(program, register, value);
    if (why !== undefined) {
      mail.push({ kind: 'absurd', why });
      break;
    }
    mail.push({ kind: 'set', register, value: toValue(value) });
  }
  return mail;
}

/** As FlowDatapath has it. */
function objectionTo(
  program: LoadedProgram | undefined,
  register: number,
  value: number,
): string | undefined {
  const isKnown =
    register === CWND || register === RATE || (program !== undefined && isVariable(program, register));
  if (!isKnown) return `the program has no register ${register}`;
  const isSensible = value >= 0 && value < Number.POSITIVE_INFINITY;
  return isSensible ? undefined : `register ${register} was to be ${value}`;
}

/** Why the kernel has it under Reno; `more` is what it said about it. */
export function explain(flow: Flow, reason: FallbackReason, more: number, timeoutMillis: number): string {
  if (reason === 'failed') return flow.failure;
  if (reason === 'absurd') return absurdity(flow, more);
  const what = flow.generation === 0 ? 'installed no program' : 'answered no report';
  return `the algorithm ${what} for ${timeoutMillis} ms`;
}

/** What we found wrong, or the kernel did. */
function absurdity({ refusal, objection }: Flow, more: number): string {
  if (more === commands.absurd) return objection;
  if (more >= 1000) return `the program has no register ${Math.floor(more / 1000)}`;
  return `the program's bytes are refused: ${more === commands.refused ? refusal : refusals[more]}`;
}
