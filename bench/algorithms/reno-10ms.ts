// Reno that decides every 10 ms (CCP §4.6.2).
import { reno } from '../../src/congestion/algorithms/reno.ts';

export default reno('algorithm', '10000');
