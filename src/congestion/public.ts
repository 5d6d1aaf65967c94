// What algorithms import as `selvage/congestion`, wherever their file lies: the compiler of datapath programs, the shapes
// of what they implement and are given, and a program and a law to begin with.

export type {
  Algorithm,
  Controller,
  FlowControl,
  FlowInfo,
  Report,
  Values,
} from './algorithm.ts';
export { renoLaw } from './algorithms/reno.ts';
export { type Round, roundOf, roundProgram } from './algorithms/round.ts';
export { deafUntil, WindowController, type WindowLaw } from './algorithms/window.ts';
export { type CompiledProgram, compile } from './language/compiler.ts';
