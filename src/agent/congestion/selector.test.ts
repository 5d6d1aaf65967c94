import { expect, it } from 'vitest';
import { parseMac } from '../../wire/address.ts';
import type { FlowReport } from '../reports/flow-report.ts';
import { readSelector } from './selector.ts';

const pair = { vni: 77, localMac: parseMac('02:00:00:00:77:01')!, remoteMac: parseMac('02:00:00:00:77:03')! };
const CID = 0x12ab3f;

/** Of one connection. */
function agent() {
  const asked: number[] = [];
  const ask = async (cid: number) => {
    asked.push(cid);
    return cid === CID ? [{ cid, ...pair } as FlowReport] : [];
  };
  return { asked, ask };
}

it.each(['0012ab3f', '12AB3F', '0x0012ab3f', '0x12ab3f'])(
  'a connection %s is its pair of vNICs',
  async (flow) => {
    const { asked, ask } = agent();
    expect(await readSelector({ flow }, ask)).toEqual(pair);
    expect(asked).toEqual([CID]);
  },
);

it.each([
  [{ flow: '77' }, 'There is no connection 77.'],
  [{ flow: '0x' }, 'flow: "0x" is not understood.'],
  [{ flow: '123456789' }, 'flow: "123456789" is not understood.'],
  [{ vni: 'x' }, 'vni: "x" is not understood.'],
  [{ from: '10.0.2.1' }, 'from: "10.0.2.1" is not understood.'],
  [{ to: 'there' }, 'to: "there" is not understood.'],
])('%j is refused', async (text, message) => {
  await expect(readSelector(text, agent().ask)).rejects.toMatchObject({ code: 'bad-input', message });
});

it('what is not said fits anything', async () => {
  const { ask } = agent();
  const none = { vni: undefined, localMac: undefined, remoteMac: undefined, peer: undefined };
  expect(await readSelector({ vni: '77' }, ask)).toEqual({ ...none, vni: 77 });
  expect(await readSelector({ to: '10.0.2.1' }, ask)).toEqual({ ...none, peer: '10.0.2.1' });
  expect(await readSelector({}, ask)).toEqual(none);
});
