// The switch's answers to ARP and neighbour discovery; the questions are what a Linux host asks.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fixtureLines, fromHex, toHex } from '../../test/wire/hex.ts';
import { bytesOf } from '../base/bytes.ts';
import type { Mac } from './address.ts';
import { completeIcmpv6Checksum } from './icmpv6.ts';
import { answerArpRequest, answerNeighborSolicitation, MAX_ANSWER_BYTES } from './neighbor-answers.ts';

const OWNER: Mac = 0x02_00_00_00_00_02;
const UNDERLAY_BYTES = 14 + 20 + 8 + 8;
const fixtures = new Map(
  fixtureLines(readFileSync(new URL('./fixtures/kernel-vxlan.hex', import.meta.url), 'utf8')).map((line) => {
    const [name, hex] = line.split(' ') as [string, string];
    return [name, fromHex(hex).subarray(UNDERLAY_BYTES)];
  }),
);
const frameNamed = (name: string) => fixtures.get(name)!.slice();

function answer(function_: typeof answerArpRequest, question: Uint8Array, at = 0): string {
  const memory = new Uint8Array(at + question.length);
  memory.set(question, at);
  const out = new Uint8Array(MAX_ANSWER_BYTES + at);
  const length = function_(
    guardedBytes(memory, at, memory.length),
    at,
    question.length,
    OWNER,
    guardedBytes(out, at, out.length),
    at,
  );
  return typeof length === 'string' ? length : toHex(out.subarray(at, at + length));
}

/** The question with a tag of VLAN 9, priority 5, behind its MACs. */
function tagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0x00, 0xa0, 0x09, ...frame.subarray(12));
}

describe('an ARP request', () => {
  it('gets the reply that Linux gave', () => {
    expect(answer(answerArpRequest, frameNamed('arp-request'), 3)).toBe(toHex(frameNamed('arp-reply')));
  });

  it('keeps its VLAN tag', () => {
    const expected = toHex(tagged(frameNamed('arp-reply')));
    expect(answer(answerArpRequest, tagged(frameNamed('arp-request')))).toBe(expected);
  });

  it.each([
    ['a reply', frameNamed('arp-reply'), 'bad-type'],
    ['another protocol', frameNamed('icmp-echo-request'), 'bad-type'],
    ['a cut request', frameNamed('arp-request').subarray(0, 41), 'bad-field'],
    ['a cut Ethernet header', frameNamed('arp-request').subarray(0, 13), 'too-short'],
  ])('is not %s', (_, frame, reject) => {
    expect(answer(answerArpRequest, frame)).toBe(reject);
  });
});

describe('a neighbour solicitation', () => {
  const name = 'icmpv6-neighbor-solicitation';
  const MESSAGE = 54;

  /** The solicitation with some bytes changed and its checksum right again. */
  function changed(change: (frame: Uint8Array) => void): Uint8Array {
    const frame = frameNamed(name);
    change(frame);
    completeIcmpv6Checksum(bytesOf(frame), 22, MESSAGE, frame.length - MESSAGE);
    return frame;
  }

  it('gets the advertisement that Linux gave', () => {
    const expected = frameNamed('icmpv6-neighbor-advertisement');
    expect(answer(answerNeighborSolicitation, frameNamed(name), 5)).toBe(toHex(expected));
  });

  it('keeps its VLAN tag', () => {
    const expected = toHex(tagged(frameNamed('icmpv6-neighbor-advertisement')));
    expect(answer(answerNeighborSolicitation, tagged(frameNamed(name)))).toBe(expected);
  });

  it('from no address is answered to all nodes, unsolicited', () => {
    const probe = fromHex(
      `3333ff000002 020000000001 86dd 60000000 0018 3a ff ${'00'.repeat(16)}
       ff0200000000000000000001ff000002 87000000 00000000 fd000000000000000000000000000002`,
    );
    completeIcmpv6Checksum(bytesOf(probe), 22, MESSAGE, probe.length - MESSAGE);
    const hex = answer(answerNeighborSolicitation, probe);
    expect(hex.slice(0, 28)).toBe('33330000000102000000000286dd');
    expect(hex.slice(44, 108)).toBe('fd000000000000000000000000000002ff020000000000000000000000000001');
    expect(hex.slice(108, 112)).toBe('8800');
    expect(hex.slice(116)).toBe('20000000fd0000000000000000000000000000020201020000000002');
  });

  it.each([
    ['a wrong checksum', () => Uint8Array.of(...frameNamed(name).fill(0, 56, 58)), 'bad-checksum'],
    ['a router in between', () => changed((frame) => frame.fill(254, 21, 22)), 'bad-field'],
    ['a code', () => changed((frame) => frame.fill(1, MESSAGE + 1, MESSAGE + 2)), 'bad-type'],
    ['a multicast target', () => changed((frame) => frame.fill(0xff, MESSAGE + 8, MESSAGE + 9)), 'bad-field'],
    [
      'an option of no length',
      () => changed((frame) => frame.fill(0, MESSAGE + 25, MESSAGE + 26)),
      'bad-length',
    ],
    ['an option too long', () => changed((frame) => frame.fill(2, MESSAGE + 25, MESSAGE + 26)), 'bad-length'],
    ['no address but a link-layer address', () => changed((frame) => frame.fill(0, 22, 38)), 'bad-field'],
    ['an advertisement', () => frameNamed('icmpv6-neighbor-advertisement'), 'bad-type'],
    ['an echo request', () => frameNamed('icmpv6-echo-request'), 'bad-type'],
    ['IPv4', () => frameNamed('udp'), 'bad-type'],
    ['cut', () => frameNamed(name).subarray(0, 60), 'too-short'],
  ])('with %s gets no answer', (_, frame, reject) => {
    expect(answer(answerNeighborSolicitation, frame())).toBe(reject);
  });
});
