// Reno that decides every 10 ms (CCP §4.6.2).
import { reno } from '../../src/congestion/algorithms/reno.ts';
import { summariesEvery } from '../../src/congestion/algorithms/round.ts';

export default reno('datapath', summariesEvery(10_000));
