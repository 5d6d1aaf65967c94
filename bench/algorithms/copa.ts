// Copa as it comes.
import { copa } from '../../src/congestion/algorithms/copa.ts';

export default copa;
