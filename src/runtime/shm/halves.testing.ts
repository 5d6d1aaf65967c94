// Two sides of a session in one process, over ordinary memory.
import { Endpoint } from './endpoint.ts';
import { type Half, halfOf } from './half.ts';
import { layoutOf, type SessionShape } from './layout.ts';

export interface TwoSides {
  readonly client: Endpoint;
  readonly agent: Endpoint;
  /** The memory that each of them writes. */
  readonly clientHalf: Half;
  readonly agentHalf: Half;
}

export function twoSides(
  shape: SessionShape,
  wake: { client: () => void; agent: () => void } = { client: () => {}, agent: () => {} },
): TwoSides {
  const { halfBytes } = layoutOf(shape);
  const clientHalf = halfOf(new ArrayBuffer(halfBytes));
  const agentHalf = halfOf(new ArrayBuffer(halfBytes));
  return {
    client: new Endpoint(shape, clientHalf, agentHalf, wake.agent),
    agent: new Endpoint(shape, agentHalf, clientHalf, wake.client),
    clientHalf,
    agentHalf,
  };
}
