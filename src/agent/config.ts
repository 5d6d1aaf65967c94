// Reads a host's configuration file: YAML → shape (config/schema.ts) → what depends on several fields
// (config/checks.ts). Either the whole file is good, and the result is immutable and complete, or one error lists
// everything that is wrong with it as `file:line:column: field: what is wrong; what would work`.
import * as v from 'valibot';
import { SelvageError } from '../base/errors.ts';
import { checkHost } from './config/checks.ts';
import { positionOf } from './config/positions.ts';
import { formatPath, type Problem } from './config/problems.ts';
import { hostSchema } from './config/schema.ts';
import { readSource } from './config/source.ts';
import type { Draft, HostConfig } from './config/types.ts';
import { unknownFields } from './config/unknown-fields.ts';
import { type PlacedComplaint, readYaml } from './config/yaml.ts';

export { overheadBytes, vnicMtu } from './config/mtu.ts';
export type {
  HostConfig,
  IpAddress,
  RemoteConfig,
  RemoteVnicConfig,
  TransportConfig,
  UnderlayConfig,
  VniConfig,
  VnicConfig,
} from './config/types.ts';

/** Throws SelvageError 'bad-config' when the file cannot be read or anything in it is wrong. */
export function loadConfig(path: string): HostConfig {
  const hint = 'Give the configuration file of this host; examples/two-hosts has one to start from.';
  return parseConfig(readSource(path, hint), path);
}

/** The same for text that is already here; `fileName` is what complaints begin with. */
export function parseConfig(source: string, fileName: string): HostConfig {
  const { document, lines, value, complaints } = readYaml(source);
  if (complaints.length > 0) throw badConfig(fileName, complaints);
  const { config, problems } = readHost(value);
  if (config !== undefined) return deepFreeze(config);
  throw badConfig(
    fileName,
    problems.map(({ path, atKey, sentence }) => ({
      ...positionOf(document, lines, path, atKey),
      sentence: path.length === 0 ? sentence : `${formatPath(path)}: ${sentence}`,
    })),
  );
}

interface Reading {
  /** Absent when there are problems. */
  readonly config?: HostConfig;
  readonly problems: readonly Problem[];
}

function readHost(value: unknown): Reading {
  const result = v.safeParse(hostSchema, value);
  const issues = (result.issues ?? []).map(problemOf);
  const draft = result.success ? result.output : withoutFailed(result.output, issues);
  const problems = [
    ...issues,
    ...unknownFields(hostSchema, value),
    ...(draft === undefined ? [] : checkHost(draft)),
  ];
  return result.success && problems.length === 0 ? { config: result.output, problems } : { problems };
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  return { path: (issue.path ?? []).map(({ key }) => key as string | number), sentence: issue.message };
}

/** What valibot hands back of a file that fails still holds the raw values it failed on: they go. */
function withoutFailed(output: unknown, issues: readonly Problem[]): Draft<HostConfig> | undefined {
  for (const { path } of issues) {
    const last = path.at(-1);
    if (last === undefined) return undefined;
    const parent = path
      .slice(0, -1)
      .reduce((container, step) => (container as Container | undefined)?.[step], output);
    if (parent !== undefined) (parent as Container)[last] = undefined;
  }
  return output as Draft<HostConfig>;
}

type Container = Record<string | number, unknown>;

function badConfig(fileName: string, complaints: readonly PlacedComplaint[]): SelvageError {
  const sorted = complaints.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const lines = sorted.map(({ line, column, sentence }) => `${fileName}:${line}:${column}: ${sentence}`);
  return new SelvageError('bad-config', lines.join('\n'));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
