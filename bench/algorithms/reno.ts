// Reno as it comes: a decision each round trip.
import { reno } from '../../src/congestion/algorithms/reno.ts';

export default reno();
