// The check and the machine by themselves, to be run from a test: one program on up to eight samples, with the registers
// after each. A test can ask for a run without the check, to see that no bytes at all make it stop or stray.

#include "machine.h"

enum { MAX_SAMPLES = 8 };

struct trial {
	u32 samples;
	u32 is_unchecked;
	u32 refusal;
	u32 reports;
	u64 now[MAX_SAMPLES];
	u64 signals[MAX_SAMPLES][SIGNALS];
	struct machine after[MAX_SAMPLES];
	/** What a report would carry, from before the volatile values were renewed. */
	u64 reported[MAX_SAMPLES][MAX_VALUES];
	struct program program;
	struct machine machine;
	s64 timer_zero;
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 1);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct trial);
} trials SEC(".maps");

static long try_sample(u32 index, struct trial **context)
{
	struct trial *trial = *context;

	if (index >= MAX_SAMPLES)
		return 1;
	for (u32 i = 0; i < SIGNALS; i++)
		trial->machine.signals[i] = to_value(trial->signals[index][i]);
	if (run_machine(&trial->machine, &trial->program, trial->now[index], &trial->timer_zero)) {
		trial->reports |= 1 << index;
		bpf_probe_read_kernel(trial->reported[index], sizeof(trial->machine.values), trial->machine.values);
		renew_volatiles(&trial->machine, &trial->program);
	}
	bpf_probe_read_kernel(&trial->after[index], sizeof(struct machine), &trial->machine);
	return 0;
}

SEC("syscall") int run_trial(void *context)
{
	u32 key = 0;
	struct trial *trial = bpf_map_lookup_elem(&trials, &key);

	if (!trial)
		return 1;
	trial->reports = 0;
	trial->timer_zero = 0;
	trial->machine.cwnd = 0;
	trial->machine.rate = 0;
	trial->refusal = check_program(&trial->program);
	if (trial->refusal != ACCEPTED && !trial->is_unchecked)
		return 0;
	load_values(&trial->machine, &trial->program);
	bpf_loop(trial->samples, try_sample, &trial, 0);
	return 0;
}

char terms[] SEC("license") = "GPL";
