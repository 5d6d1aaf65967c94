// Reno that decides each round trip from the first one on, also where nothing is ever lost (CCP §4.6.2).
import { reno } from '../../src/congestion/algorithms/reno.ts';

export default reno('algorithm');
