// Reno whose slow start doubles a rate in the datapath (CCP §4.4.4).
import { reno } from '../../src/congestion/algorithms/reno.ts';

export default reno('rate');
