// Which flow the next frame is of: all alike, or few of them most of the time (Zipf), as an array to go round in.
import { below, type Rng } from '../../../src/base/rng.ts';

export type Mixture = 'uniform' | 'Zipf';

export function flowSequence(mixture: Mixture, flows: number, length: number, rng: Rng): Uint16Array {
  const sequence = new Uint16Array(length);
  const draw = mixture === 'uniform' ? () => below(rng, flows) : zipf(flows, rng);
  for (let i = 0; i < length; i++) sequence[i] = draw();
  return sequence;
}

/** Of exponent 1: the k-th flow has 1/k of the first one's share. */
function zipf(flows: number, rng: Rng): () => number {
  const upTo = new Float64Array(flows);
  let sum = 0;
  for (let flow = 0; flow < flows; flow++) {
    sum += 1 / (flow + 1);
    upTo[flow] = sum;
  }
  return () => {
    const at = (rng.u32() / 2 ** 32) * sum;
    let low = 0;
    let high = flows - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (upTo[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
