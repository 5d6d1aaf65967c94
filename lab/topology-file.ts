// Topology files: YAML with the fields of TopologyFields. Every error names the file, the line, the field and what
// would work.
import * as v from 'valibot';
import { LineCounter, parseDocument } from 'yaml';
import { SelvageError } from '../src/base/errors.ts';
import { nearestName } from './names.ts';
import { buildTopology, type Fault, type FieldPath, type Topology } from './topology.ts';

const name = v.pipe(
  v.string('is not a name: write a lower-case letter and up to 11 more letters or digits, such as host1'),
  v.regex(
    /^[a-z][a-z0-9]{0,11}$/,
    'is not a name: write a lower-case letter and up to 11 more letters or digits, such as host1',
  ),
  v.check(
    (text) => !['lo', 'all', 'default'].includes(text),
    'is reserved by the kernel: choose another name',
  ),
);
const names = (what: string) =>
  v.pipe(
    v.array(name, `must be a list of names, such as [${what}1, ${what}2]`),
    v.minLength(1, `needs at least one ${what}`),
    v.maxLength(200, `may hold at most 200 ${what}s`),
  );
const conditions = v.strictObject({
  blackhole: v.optional(v.string('must be text, such as both')),
  carrier: v.optional(v.string('must be text, such as down')),
  loss: v.optional(v.string('must be text, such as 1%')),
  rate: v.optional(v.string('must be text, such as 48mbit')),
  delay: v.optional(v.string('must be text, such as 10ms')),
  queue: v.optional(v.pipe(v.number('must be a number of packets, such as 100'), v.transform(String))),
});
const file = v.strictObject({
  mtu: v.optional(
    v.pipe(
      v.number('must be a number of bytes, such as 1500'),
      v.integer('must be a whole number of bytes'),
      v.minValue(1280, 'is too small: the underlay needs at least 1280 bytes'),
      v.maxValue(65_000, 'is too large: write at most 65000'),
    ),
    1500,
  ),
  racks: v.pipe(
    v.array(v.strictObject({ name, leaf: name, hosts: names('host') }), 'must be a list of racks'),
    v.minLength(1, 'needs at least one rack'),
    v.maxLength(200, 'may hold at most 200 racks'),
  ),
  spines: names('spine'),
  tenants: v.optional(v.array(v.strictObject({ name, host: name }), 'must be a list of tenants')),
  links: v.optional(
    v.record(v.string(), conditions, 'must give conditions by link name, such as leaf1-spine1'),
  ),
});

/** Reads a topology; an error names the file, the line, the field and what would work. */
export function parseTopology(text: string, fileName: string): Topology {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (path: FieldPath): number => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true) as
        | { range?: [number, number, number] }
        | undefined;
      if (node?.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
  const fault = (path: FieldPath, message: string) => {
    const end = message.endsWith('?') ? '' : '.';
    return new SelvageError('bad-config', `${fileName}:${lineOf(path)}: ${formatPath(path)}${message}${end}`);
  };
  const [syntax] = document.errors;
  if (syntax !== undefined) {
    const { line } = lines.linePos(syntax.pos[0]);
    throw new SelvageError('bad-config', `${fileName}:${line}: this is not YAML: ${syntax.message}`);
  }
  const parsed = v.safeParse(file, document.toJS() ?? {});
  if (!parsed.success) throw schemaFault(parsed.issues[0], fault);
  return buildTopology(parsed.output, fault);
}

function formatPath(path: FieldPath): string {
  let text = '';
  for (const key of path) text += typeof key === 'number' ? `[${key}]` : `${text && '.'}${key}`;
  return text && `${text} `;
}

function schemaFault(issue: v.InferIssue<typeof file>, fault: Fault): SelvageError {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  if (issue.type !== 'strict_object') return fault(path, shown(issue.input) + issue.message);
  if (issue.expected === 'never') {
    const last = issue.path!.at(-1)!;
    const allowed = Object.keys(entriesAt(path.slice(0, -1)));
    const nearest = nearestName(String(last.key), allowed);
    const hint = nearest === undefined ? `there are: ${allowed.join(', ')}` : `did you mean ${nearest}?`;
    return fault(path, `is not a field here; ${hint}`);
  }
  if (issue.received === 'undefined') return fault(path, 'is missing');
  return fault(path, 'must be a set of fields');
}

function entriesAt(path: FieldPath): object {
  if (path[0] === 'links') return conditions.entries;
  if (path[0] === 'racks') return { name, leaf: name, hosts: name };
  if (path[0] === 'tenants') return { name, host: name };
  return file.entries;
}

function shown(input: unknown): string {
  return typeof input === 'string' || typeof input === 'number' ? `(${JSON.stringify(input)}) ` : '';
}
