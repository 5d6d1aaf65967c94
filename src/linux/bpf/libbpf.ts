// The functions of libbpf that we call, bound once, when first needed: a machine without the library can do everything
// else. Objects of the library travel as addresses. Source: libbpf's headers, version 1.0 and later.

import koffi from 'koffi';
import { SelvageError } from '../../base/errors.ts';

type Call<A extends unknown[]> = (...args: A) => number;

export interface Libbpf {
  readonly openMemory: Call<[bytes: number, length: number, options: number]>;
  readonly load: Call<[object: number]>;
  readonly closeObject: Call<[object: number]>;
  readonly findMap: Call<[object: number, name: string]>;
  readonly findProgram: Call<[object: number, name: string]>;
  readonly mapFd: Call<[map: number]>;
  readonly programFd: Call<[program: number]>;
  readonly setMapFlags: Call<[map: number, flags: number]>;
  readonly setMaxEntries: Call<[map: number, entries: number]>;
  readonly reuseFd: Call<[map: number, fd: number]>;
  readonly initialValue: Call<[map: number, size: number]>;
  readonly attachStructOps: Call<[map: number]>;
  readonly linkFd: Call<[link: number]>;
  readonly destroyLink: Call<[link: number]>;
  readonly createLink: Call<[fd: number, target: number, type: number, options: number]>;
  readonly nextMapId: Call<[after: number, next: number]>;
  readonly mapFdById: Call<[id: number]>;
  readonly infoByFd: Call<[fd: number, info: number, length: number]>;
  readonly setAutoload: Call<[program: number, load: number]>;
  readonly programFdById: Call<[id: number]>;
  readonly lookup: Call<[map: number, key: number, value: number]>;
  readonly update: Call<[map: number, key: number, value: number, flags: number]>;
  readonly remove: Call<[map: number, key: number]>;
  readonly nextKey: Call<[map: number, key: number, next: number]>;
  readonly updateBatch: Call<[map: number, keys: number, values: number, count: number, options: number]>;
  readonly attach: Call<[program: number, target: number, type: number, options: number]>;
  readonly detach: Call<[program: number, target: number, type: number]>;
  readonly query: Call<
    [target: number, type: number, queryFlags: number, flags: number, ids: number, count: number]
  >;
  readonly createHook: Call<[hook: number]>;
  readonly destroyHook: Call<[hook: number]>;
  readonly attachTc: Call<[hook: number, options: number]>;
  readonly detachTc: Call<[hook: number, options: number]>;
  readonly queryTc: Call<[hook: number, options: number]>;
  readonly attachXdp: Call<[device: number, program: number, flags: number, options: number]>;
  readonly testRun: Call<[program: number, options: number]>;
  readonly setPrint: (print: unknown) => unknown;
}

type KoffiLib = ReturnType<typeof koffi.load>;

let library: Libbpf | undefined;

/** Throws where the library is not installed, saying how to get it. */
export function libbpf(): Libbpf {
  library ??= bind(load());
  return library;
}

function load(): KoffiLib {
  try {
    return koffi.load('libbpf.so.1');
  } catch (cause) {
    const hint = 'Install Debian’s package libbpf1: apt install libbpf1';
    throw new SelvageError('no-program', 'The library libbpf is not installed.', { hint, cause });
  }
}

/** How libbpf says what it does; the arguments are a va_list, whose address is passed on to vsnprintf. */
export const PrintFunction = koffi.proto('int SelvageLibbpfPrint(int level, uint64_t format, uint64_t args)');

function bind(lib: KoffiLib): Libbpf {
  const call = (declaration: string) => lib.func(declaration) as Call<unknown[]>;
  return {
    openMemory: call('uint64_t bpf_object__open_mem(uint64_t bytes, uint64_t length, uint64_t options)'),
    load: call('int bpf_object__load(uint64_t object)'),
    closeObject: call('void bpf_object__close(uint64_t object)'),
    findMap: call('uint64_t bpf_object__find_map_by_name(uint64_t object, const char *name)'),
    findProgram: call('uint64_t bpf_object__find_program_by_name(uint64_t object, const char *name)'),
    mapFd: call('int bpf_map__fd(uint64_t map)'),
    programFd: call('int bpf_program__fd(uint64_t program)'),
    setMapFlags: call('int bpf_map__set_map_flags(uint64_t map, uint32_t flags)'),
    setMaxEntries: call('int bpf_map__set_max_entries(uint64_t map, uint32_t entries)'),
    reuseFd: call('int bpf_map__reuse_fd(uint64_t map, int fd)'),
    initialValue: call('uint64_t bpf_map__initial_value(uint64_t map, uint64_t size)'),
    attachStructOps: call('uint64_t bpf_map__attach_struct_ops(uint64_t map)'),
    linkFd: call('int bpf_link__fd(uint64_t link)'),
    destroyLink: call('int bpf_link__destroy(uint64_t link)'),
    createLink: call('int bpf_link_create(int fd, int target, int type, uint64_t options)'),
    nextMapId: call('int bpf_map_get_next_id(uint32_t after, uint64_t next)'),
    mapFdById: call('int bpf_map_get_fd_by_id(uint32_t id)'),
    infoByFd: call('int bpf_obj_get_info_by_fd(int fd, uint64_t info, uint64_t length)'),
    setAutoload: call('int bpf_program__set_autoload(uint64_t program, int load)'),
    programFdById: call('int bpf_prog_get_fd_by_id(uint32_t id)'),
    lookup: call('int bpf_map_lookup_elem(int map, uint64_t key, uint64_t value)'),
    update: call('int bpf_map_update_elem(int map, uint64_t key, uint64_t value, uint64_t flags)'),
    remove: call('int bpf_map_delete_elem(int map, uint64_t key)'),
    nextKey: call('int bpf_map_get_next_key(int map, uint64_t key, uint64_t next)'),
    updateBatch: call(
      'int bpf_map_update_batch(int map, uint64_t keys, uint64_t values, uint64_t count, uint64_t options)',
    ),
    attach: call('int bpf_prog_attach_opts(int program, int target, int type, uint64_t options)'),
    detach: call('int bpf_prog_detach2(int program, int target, int type)'),
    query: call(
      'int bpf_prog_query(int target, int type, uint32_t queryFlags, uint64_t flags, uint64_t ids, uint64_t count)',
    ),
    createHook: call('int bpf_tc_hook_create(uint64_t hook)'),
    destroyHook: call('int bpf_tc_hook_destroy(uint64_t hook)'),
    attachTc: call('int bpf_tc_attach(uint64_t hook, uint64_t options)'),
    detachTc: call('int bpf_tc_detach(uint64_t hook, uint64_t options)'),
    queryTc: call('int bpf_tc_query(uint64_t hook, uint64_t options)'),
    attachXdp: call('int bpf_xdp_attach(int device, int program, uint32_t flags, uint64_t options)'),
    testRun: call('int bpf_prog_test_run_opts(int program, uint64_t options)'),
    setPrint: lib.func('libbpf_set_print', koffi.pointer('void'), [koffi.pointer(PrintFunction)]),
  };
}
