// One window for all connections from one address (CCP §4.7.3).
import { fairShare } from '../../src/congestion/algorithms/fair-share.ts';

export default fairShare;
