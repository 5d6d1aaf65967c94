// Topology files: YAML with the fields of TopologyFields, read with the same building blocks as a host's
// configuration. One error names everything that is wrong as `file:line:column: field: what is wrong; what would work`.
import * as v from 'valibot';
import { Complaint, field, list, mapping, text, wholeNumber } from '../src/agent/config/fields.ts';
import { positionOf } from '../src/agent/config/positions.ts';
import { formatPath, type Problem } from '../src/agent/config/problems.ts';
import { readSource } from '../src/agent/config/source.ts';
import { unknownFields } from '../src/agent/config/unknown-fields.ts';
import { readYaml } from '../src/agent/config/yaml.ts';
import { SelvageError } from '../src/base/errors.ts';
import { buildTopology, type Topology } from './topology.ts';

const MOST_NAMES = 200;
/** Interface names of every network namespace, and settings of all interfaces at once. */
const RESERVED = ['lo', 'all', 'default'];

const name = text('a name of a lower-case letter and up to 11 letters or digits', 'host1', (value) => {
  if (RESERVED.includes(value)) return new Complaint(`${value} is a name of the kernel's; choose another`);
  return /^[a-z][a-z0-9]{0,11}$/.test(value) ? value : undefined;
});

function names(example: string) {
  return v.pipe(
    list(name, `[${example}1, ${example}2]`),
    v.minLength(1, `is empty; name at least one, like [${example}1]`),
    v.maxLength(MOST_NAMES, `has more than ${MOST_NAMES} names; write fewer`),
  );
}

const words = (what: string, example: string) => v.optional(text(what, example, (value) => value));

const conditions = mapping(
  {
    blackhole: words('a direction', 'both'),
    bucket: words('a bucket', '3/8'),
    carrier: words('a state of the carrier', 'down'),
    loss: words('a share', '1%'),
    rate: words('a rate', '48mbit'),
    delay: words('a delay', '10ms'),
    jitter: words('a delay', '5ms'),
    queue: v.optional(
      field('a number of packets', '100', (value) => (typeof value === 'number' ? String(value) : undefined)),
    ),
  },
  '{ rate: 48mbit, delay: 10ms }',
);

const RACK_EXAMPLE = '{ name: rack1, leaf: leaf1, hosts: [host1, host2] }';
const TENANT_EXAMPLE = '{ name: tenant1, host: host1 }';

const file = mapping(
  {
    mtu: v.optional(wholeNumber(1280, 65_000, 1500), 1500),
    racks: v.pipe(
      list(mapping({ name, leaf: name, hosts: names('host') }, RACK_EXAMPLE), `[${RACK_EXAMPLE}]`),
      v.minLength(1, `is empty; write at least one rack, like ${RACK_EXAMPLE}`),
      v.maxLength(MOST_NAMES, `has more than ${MOST_NAMES} racks; write fewer`),
    ),
    spines: names('spine'),
    tenants: v.optional(list(mapping({ name, host: name }, TENANT_EXAMPLE), `[${TENANT_EXAMPLE}]`)),
    links: v.optional(v.record(v.string(), conditions, 'is not a mapping; write leaf1-spine1: { loss: 1% }')),
  },
  'at least racks and spines',
);

export function readTopology(path: string): Topology {
  const hint = 'Give a topology file, or none for the default of two racks.';
  return parseTopology(readSource(path, hint), path);
}

export function parseTopology(source: string, fileName: string): Topology {
  const { document, lines, value, complaints } = readYaml(source);
  const place = ({ path, atKey, sentence }: Problem) => ({
    ...positionOf(document, lines, path, atKey),
    sentence: path.length === 0 ? sentence : `${formatPath(path)}: ${sentence}`,
  });
  if (complaints.length > 0) throw badTopology(fileName, complaints);
  const parsed = v.safeParse(file, value);
  const problems = [
    ...(parsed.issues ?? []).map(problemOf),
    ...unknownFields(file, value),
    ...Object.entries(linksOf(value)).flatMap(([link, fields]) =>
      unknownFields(conditions, fields, ['links', link]),
    ),
  ];
  if (!parsed.success || problems.length > 0) throw badTopology(fileName, problems.map(place));
  return buildTopology(parsed.output, (problem) => badTopology(fileName, [place(problem)]));
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  return { path: (issue.path ?? []).map(({ key }) => key as string | number), sentence: issue.message };
}

function linksOf(value: unknown): object {
  return (value as { links?: object } | null)?.links ?? {};
}

interface Placed {
  readonly line: number;
  readonly column: number;
  readonly sentence: string;
}

function badTopology(fileName: string, problems: readonly Placed[]): SelvageError {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const text = sorted.map(({ line, column, sentence }) => `${fileName}:${line}:${column}: ${sentence}`);
  return new SelvageError('bad-config', text.join('\n'));
}
