// Cubic as it comes: a decision each round trip.
import { cubic } from '../../src/congestion/algorithms/cubic.ts';

export default cubic();
