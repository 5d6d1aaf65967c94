// A flow without a socket, to be run from a test turn by turn: its commands, its program and its rules are those that
// sockets have, the signals and the time are the test's.

#include "turn.h"

struct turn_trial {
	u64 now;
	u64 signals[SIGNALS];
	u32 mss;
	u32 cwnd_bytes;
	u32 is_begun;
	u32 padding;
	struct flow flow;
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 1);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct turn_trial);
} trials SEC(".maps");

SEC("syscall") int run_turn(void *context)
{
	u32 key = 0;
	struct turn_trial *trial = bpf_map_lookup_elem(&trials, &key);
	struct control *control = the_control();

	if (!trial || !control)
		return 1;
	struct flow *flow = &trial->flow;
	struct moment moment = { .flow = flow, .control = control, .now = trial->now, .mss = trial->mss };
	if (!trial->is_begun) {
		trial->is_begun = 1;
		begin(&moment, trial->cwnd_bytes, 0);
		return 0;
	}
	heed(&moment);
	for (u32 i = 0; i < SIGNALS; i++)
		flow->machine.signals[i] = to_value(trial->signals[i]);
	turn(&moment);
	return 0;
}

char terms[] SEC("license") = "GPL";
