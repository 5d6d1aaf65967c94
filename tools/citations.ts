// Finds what our comments cite: sections of papers (`BIFROST §4.3`, `BIFROST appendix C.1`) and RFCs (`RFC 7348 §5`).
import { papers } from './papers.ts';
import { readSource } from './source-text.ts';

export interface Citation {
  /** A paper's name, or `RFC 7348`. */
  readonly document: string;
  /** `4.3`, `C.1`; empty for an RFC cited as a whole. */
  readonly section: string;
}

const document = new RegExp(
  String.raw`\b(${papers.map(({ name }) => name).join('|')}|RFC\s?\d{3,5})(?:'s)?`,
  'g',
);
const firstSection = /,?\s+(?=§|[Aa]ppendi)/y;
const section = /(?:§+\s?|[Aa]ppendi(?:x|ces)\s+)([A-G](?:\.\d+)*|\d+(?:\.\d+)*)(?!\w)/y;
const nextSection = /\s*(?:,|and|or|to|\/|–|-)\s*(?=§|[Aa]ppendi)/y;

/** What the comments of a source cite, each citation once. */
export function citationsIn(source: string): Citation[] {
  const prose = proseOf(source);
  const found = new Map<string, Citation>();
  for (const match of prose.matchAll(document)) {
    const name = match[1]!.replace(/^RFC\s?/, 'RFC ');
    const sections = sectionsAt(prose, match.index + match[0].length);
    // A paper's bare name is a mention, not a citation.
    if (sections.length === 0 && name.startsWith('RFC')) sections.push('');
    for (const number of sections) found.set(`${name} ${number}`, { document: name, section: number });
  }
  return [...found.values()];
}

/** The comments without their markers, so that a citation may run over the end of a line. */
export function proseOf(source: string): string {
  return readSource(source)
    .comments.replace(/^\s*(?:\/\/+|\/\*+|\*(?!\/))?/gm, ' ')
    .replace(/\s+/g, ' ');
}

function sectionsAt(prose: string, start: number): string[] {
  const sections: string[] = [];
  let separator = firstSection;
  let at = start;
  while (true) {
    separator.lastIndex = at;
    if (!separator.test(prose)) return sections;
    section.lastIndex = separator.lastIndex;
    const match = section.exec(prose);
    if (match === null) return sections;
    sections.push(match[1]!);
    at = section.lastIndex;
    separator = nextSection;
  }
}
