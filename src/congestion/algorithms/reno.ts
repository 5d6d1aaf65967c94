// Reno (RFC 5681): one segment more a round trip, half the window upon loss. CCP §4.4.2's example, with slow start.

import type { Algorithm } from '../algorithm.ts';
import { EACH_ROUND } from './round.ts';
import type { SlowStartForm } from './slow-start.ts';
import { WindowController, type WindowLaw } from './window.ts';

export function renoLaw(mssBytes: number): WindowLaw {
  return {
    increased: (cwndBytes, { ackedBytes }) => cwndBytes + (mssBytes * ackedBytes) / cwndBytes,
    decreased: (cwndBytes) => cwndBytes / 2,
  };
}

/** `interval`: how often it decides (round.ts). */
export function reno(form: SlowStartForm = 'datapath', interval = EACH_ROUND): Algorithm {
  return {
    name: 'reno',
    onCreate: (control) => new WindowController(control, renoLaw(control.flow.mssBytes), form, interval),
  };
}
