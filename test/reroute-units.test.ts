// The systemd unit and the Kubernetes manifest of rerouting: as far as it can be told without a cluster, they are right, and
// they say the same.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../src/cli/program.ts';

const folder = join(import.meta.dirname, '..', 'examples', 'reroute');
const unit = readFileSync(join(folder, 'selvage-reroute@.service'), 'utf8');
const manifest = parse(readFileSync(join(folder, 'daemonset.yaml'), 'utf8'), { strict: true });
const pod = manifest.spec.template.spec;
const [container] = pod.containers;

/** Options that `selvage reroute` does not know. */
function unknownOptions(words: readonly string[]): string[] {
  const reroute = createProgram().commands.find((command) => command.name() === 'reroute')!;
  const known = reroute.options.map(({ long }) => long);
  return words.filter((word) => word.startsWith('--') && !known.includes(word));
}

test('both give the same rights, and those that the guide names', () => {
  const ofUnit = /^CapabilityBoundingSet=(.*)$/m.exec(unit)![1]!.split(' ');
  const ofPod = container.securityContext.capabilities.add.map((name: string) => `CAP_${name}`);
  expect(container.securityContext.capabilities.drop).toEqual(['ALL']);
  expect(ofPod).toEqual(ofUnit);
  const guide = readFileSync(join(folder, '..', '..', 'docs', 'reroute.md'), 'utf8');
  for (const name of ofUnit) expect(guide).toContain(name);
});

test('both run a command that there is', () => {
  const line = /^ExecStart=\/usr\/bin\/env selvage (.*)$/m.exec(unit)![1]!.split(' ');
  expect([line[0], container.args[0]]).toEqual(['reroute', 'reroute']);
  expect(unknownOptions([...line, ...container.args])).toEqual([]);
});

test('the pod is in the network of its node, selects itself, and mounts what it has', () => {
  expect(pod.hostNetwork).toBe(true);
  expect(manifest.spec.selector.matchLabels).toEqual(manifest.spec.template.metadata.labels);
  const volumes = pod.volumes.map(({ name }: { name: string }) => name);
  expect(container.volumeMounts.map(({ name }: { name: string }) => name)).toEqual(volumes);
});

test('systemd finds nothing wrong with the unit', ({ skip }) => {
  const version = spawnSync('systemd-analyze', ['--version']);
  skip(version.error !== undefined, 'systemd-analyze is not installed');
  const scratch = mkdtempSync(join(tmpdir(), 'selvage-unit-'));
  try {
    const file = join(scratch, 'selvage-reroute@flannel.1.service');
    copyFileSync(join(folder, 'selvage-reroute@.service'), file);
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    });
    // It may also complain of other units of this machine.
    const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('selvage'));
    expect({ complaints, isFound: status !== null }).toEqual({ complaints: [], isFound: true });
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
