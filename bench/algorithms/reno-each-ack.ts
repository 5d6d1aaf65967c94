// Reno that decides upon every acknowledgement (CCP §4.6.2).
import { reno } from '../../src/congestion/algorithms/reno.ts';

export default reno('algorithm', '0');
