// From text to plain values: YAML 1.2, one document, with what is wrong with it in words for people.
import { type Document, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { SelvageError } from '../../base/errors.ts';
import type { Position } from './positions.ts';

export interface Yaml {
  readonly document: Document;
  readonly lines: LineCounter;
  /** The plain value; undefined when there are complaints. */
  readonly value: unknown;
  readonly complaints: readonly PlacedComplaint[];
}

export interface PlacedComplaint extends Position {
  readonly sentence: string;
}

export function readYaml(source: string): Yaml {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const place = (offset: number, sentence: string): PlacedComplaint => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col, sentence };
  };
  const complaints = [...document.errors, ...document.warnings].map((error) =>
    place(error.pos[0], sentenceOf(error)),
  );
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const sentence = `nothing before this is named &${alias.source}; name it, or write the value here`;
      complaints.push(place(alias.range?.[0] ?? 0, sentence));
    },
  });
  if (complaints.length > 0) return { document, lines, value: undefined, complaints };
  try {
    return { document, lines, value: document.toJS(), complaints };
  } catch (error) {
    // Aliases of aliases that multiply beyond all measure end here.
    const sentence = `not valid YAML: ${SelvageError.from(error).message}`;
    return { document, lines, value: undefined, complaints: [place(0, sentence)] };
  }
}

function sentenceOf(error: YAMLError): string {
  if (error.code === 'MULTIPLE_DOCS') return 'a second document begins here; write one host a file';
  return `not valid YAML: ${error.message}`;
}
