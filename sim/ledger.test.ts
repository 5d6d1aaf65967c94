// The judge of all transport tests is judged here: each fault it must see is committed once.

import { describe, expect, it } from 'vitest';
import { PieceList } from '../src/packet/pieces.ts';
import { localMemory, Region } from '../src/packet/region.ts';
import { writeFrame } from './frames.ts';
import { Ledger } from './ledger.ts';

const region = new Region(localMemory(3));
const at = region.take();

/** A list with one frame in pieces of at most `pieceBytes`. */
function frame(number: number, length: number, pieceBytes = length): PieceList {
  writeFrame(region, at, length, number);
  const list = new PieceList(64);
  for (let offset = 0; offset < length; offset += pieceBytes) {
    list.push(at + offset, Math.min(pieceBytes, length - offset));
  }
  list.endFrame();
  return list;
}

function ledgerOf(...lengths: number[]): Ledger {
  const ledger = new Ledger();
  for (const length of lengths) ledger.write(length);
  return ledger;
}

describe('Ledger', () => {
  it('takes frames in their order, in any pieces', () => {
    const ledger = ledgerOf(100, 3000, 24);
    ledger.receive(region, frame(0, 100));
    ledger.receive(region, frame(1, 3000, 1400));
    expect(ledger.missing).toBe(1);
    ledger.receive(region, frame(2, 24));
    expect([ledger.delivered, ledger.missing]).toEqual([3, 0]);
  });

  it('sees a frame that comes again', () => {
    const ledger = ledgerOf(100, 200);
    ledger.receive(region, frame(0, 100));
    expect(() => ledger.receive(region, frame(0, 100))).toThrow('came again');
  });

  it('sees a frame that is left out, or overtaken', () => {
    const ledger = ledgerOf(100, 200);
    expect(() => ledger.receive(region, frame(1, 200))).toThrow('in place of');
  });

  it('sees a frame that has another length', () => {
    const ledger = ledgerOf(100);
    expect(() => ledger.receive(region, frame(0, 99))).toThrow('has 99 bytes');
  });

  it.each([0, 9, 14, 500, 999])('sees a change of byte %i', (byte) => {
    const ledger = ledgerOf(1000);
    const list = frame(0, 1000, 300);
    region.bytes.u8[at + byte]! ^= 0x10;
    expect(() => ledger.receive(region, list)).toThrow(`byte ${byte} of frame 0`);
  });

  it('allows repeats only after a connection was lost, and gaps only of what its sender forgot', () => {
    const ledger = ledgerOf(100, 200, 300);
    ledger.receive(region, frame(0, 100));
    ledger.senderForgot();
    ledger.write(400);
    ledger.write(500);
    ledger.receive(region, frame(0, 100));
    ledger.receive(region, frame(3, 400));
    expect(ledger).toMatchObject({ delivered: 2, repeated: 1, forgotten: 2, missing: 1 });
    const other = ledgerOf(100, 200);
    other.repeatsAllowed = true;
    expect(() => other.receive(region, frame(1, 200))).toThrow('in place of');
  });

  it('does not wait for what went as plain VXLAN', () => {
    const ledger = ledgerOf(100, 200, 300);
    ledger.wentPlain(1);
    ledger.receive(region, frame(0, 100));
    ledger.receive(region, frame(2, 300));
    expect([ledger.delivered, ledger.missing]).toEqual([2, 0]);
  });
});
