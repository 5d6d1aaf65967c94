// Reno whose slow start is the algorithm's, report by report (CCP §4.4.4, listing 4.2).
import { reno } from '../../src/congestion/algorithms/reno.ts';

export default reno('algorithm');
