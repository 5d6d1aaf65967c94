import { describe, expect, test } from 'vitest';
import { citationsIn } from './citations.ts';
import { coverageDocument, wrongCitations } from './coverage.ts';

describe('citations', () => {
  test.each([
    ['// as BIFROST §4.3 has it', ['BIFROST 4.3']],
    ['// (BIFROST §4.3).', ['BIFROST 4.3']],
    ['// BIFROST appendix C.1, bit by bit', ['BIFROST C.1']],
    ['// BIFROST §C, appendix D', ['BIFROST C', 'BIFROST D']],
    ['// BIFROST §4.1, §4.3 and §7.4; §9 is another', ['BIFROST 4.1', 'BIFROST 4.3', 'BIFROST 7.4']],
    ["// BIFROST's §5.2", ['BIFROST 5.2']],
    ['// the header of BIFROST\n  // §3.2 follows', ['BIFROST 3.2']],
    ['/**\n * ZooRoute §6, 3 of 5\n */', ['ZooRoute 6']],
    ['// RFC 7348 §5 and RFC1071', ['RFC 7348 5', 'RFC 1071 ']],
    ['// BIFROST §4.3 and BIFROST §4.3', ['BIFROST 4.3']],
    ['// BIFROST alone is a mention', []],
    ["const s = 'BIFROST §4.3';", []],
    ['// §4.3', []],
  ])('%s', (source, expected) => {
    expect(citationsIn(source).map(({ document, section }) => `${document} ${section}`)).toEqual(expected);
  });
});

describe('the document', () => {
  const sources = [
    { path: 'src/a.ts', text: '// Detects losses, early | late. By gaps (Backdraft §4.2).\nf();\n' },
    { path: 'src/a.test.ts', text: '// Backdraft §4.2\n' },
    { path: 'src/b.ts', text: '// Sends pauses.\n\n// Backdraft §4.2; RFC 3168 §5\n' },
    { path: 'test/both.test.ts', text: '// Backdraft §4.2 end to end\n' },
    { path: 'test/only.test.ts', text: '// Backdraft §A.2, RFC 768\n' },
    { path: 'src/silent.ts', text: '// Cites nothing.\n' },
  ];
  const document = coverageDocument(sources);

  test('has a row a citing file, with its purpose and its tests', () => {
    expect(document).toContain(
      [
        '| §4.2 Dynamic per-flow queuing | `src/a.ts` | Detects losses, early \\| late | `src/a.test.ts`<br>`test/both.test.ts` |',
        '|  | `src/b.ts` | Sends pauses |  |',
      ].join('\n'),
    );
  });

  test('shows mechanisms that are not built, and those that only a test cites', () => {
    expect(document).toContain('| §4.1 Doorbell queues | not built |  |  |');
    expect(document).toContain('| §A.2 Single host bandwidth management |  |  | `test/only.test.ts` |');
  });

  test('has RFCs in the order of their numbers, and no paper that nobody cites', () => {
    expect(document.indexOf('| RFC 768 |')).toBeGreaterThan(0);
    expect(document.indexOf('| RFC 3168 §5 | `src/b.ts` |')).toBeGreaterThan(document.indexOf('| RFC 768 |'));
    expect(document).not.toContain('ZooRoute');
    expect(document).not.toContain('silent');
  });

  test('a section that the paper does not have is a mistake', () => {
    expect(wrongCitations(sources)).toEqual([]);
    expect(wrongCitations([{ path: 'src/c.ts', text: '// BIFROST §11.4\n' }])).toEqual([
      'src/c.ts cites BIFROST §11.4, which tools/papers.ts does not list',
    ]);
  });
});
