// What a VTEP is, and what that makes of probing a peer: the roles and the five scenarios of ZooRoute §3.2 with what suits
// each of them.

import { FORM_BITMAP, FORM_GROUPS, FORM_STRIDES, type Form } from './fast-select.ts';

/** As negotiations say them; 0 is a hypervisor, too, of a sender that does not say. */
export const ROLE_HYPERVISOR = 1;
export const ROLE_MIDDLEBOX = 2;
export const ROLE_GATEWAY = 3;
export type Role = typeof ROLE_HYPERVISOR | typeof ROLE_MIDDLEBOX | typeof ROLE_GATEWAY;

export const ROLE_NAMES = {
  [ROLE_HYPERVISOR]: 'hypervisor',
  [ROLE_MIDDLEBOX]: 'middlebox',
  [ROLE_GATEWAY]: 'gateway',
} as const;

export type Scenario = 'H-H' | 'H-M' | 'H-G' | 'M-M' | 'M-G' | 'G-G';

/** How one end of a scenario treats the other. */
export interface Manner {
  readonly scenario: Scenario;
  /** False: it learns source ports from its peers instead (ZooRoute §4.1). */
  readonly probes: boolean;
  /** All ports always, or those that carry traffic until something is wrong. */
  readonly isFull: boolean;
  /** N_p. */
  readonly ports: 32 | 64;
  readonly form: Form;
  /** Uses the tenth of the ports with the shortest round trips (ZooRoute §8). */
  readonly prefersFast: boolean;
}

export function roleOf(number: number): Role {
  return number === ROLE_MIDDLEBOX || number === ROLE_GATEWAY ? number : ROLE_HYPERVISOR;
}

/** How `own` treats `peer`. */
export function mannerOf(own: Role, peer: Role): Manner {
  const scenario = scenarioOf(own, peer);
  const partial = {
    scenario,
    probes: own !== ROLE_MIDDLEBOX,
    isFull: false,
    ports: 32,
    prefersFast: false,
  } as const;
  switch (scenario) {
    case 'G-G':
      return { scenario, probes: true, isFull: true, ports: 64, form: FORM_BITMAP, prefersFast: true };
    case 'H-G':
      return { ...partial, form: own === ROLE_GATEWAY ? FORM_STRIDES : FORM_BITMAP };
    case 'H-M':
    case 'M-G':
      return { ...partial, form: own === ROLE_MIDDLEBOX ? FORM_BITMAP : FORM_GROUPS };
    default:
      return { ...partial, form: FORM_BITMAP };
  }
}

function scenarioOf(a: Role, b: Role): Scenario {
  const low = Math.min(a, b);
  const high = Math.max(a, b);
  if (low === ROLE_GATEWAY) return 'G-G';
  if (low === ROLE_MIDDLEBOX) return high === ROLE_GATEWAY ? 'M-G' : 'M-M';
  if (high === ROLE_HYPERVISOR) return 'H-H';
  return high === ROLE_MIDDLEBOX ? 'H-M' : 'H-G';
}
