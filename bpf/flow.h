// A flow of the Linux datapath: what the kernel's half keeps of it, and how it says what becomes of it.

#pragma once
#include "layout.h"

/** Written before the object is loaded; src/linux-tcp/layout.ts has the same places. */
const volatile struct {
	u64 answer_timeout_micros;
	u64 report_interval_micros;
	/** Reno, for flows that nobody steers, and two of its registers. */
	u32 mss_register;
	u32 ssthresh_register;
	struct program fallback;
} settings SEC(".rodata.settings") = {};

/** All of one flow; first what every acknowledgement needs. */
struct flow {
	s64 timer_zero;
	/** When the oldest report without an answer was made, or the flow began; 0 when nothing is due. */
	u64 waiting_since;
	u64 reported;
	/** When the process was last seen alive. */
	u64 beat_seen;
	u32 beat;
	u32 id;
	u32 slot;
	u32 generation;
	/** Of the last report; up to the other they have answers, or need none. */
	u32 serial;
	u32 answered;
	u32 initial_cwnd_bytes;
	u8 is_controlled;
	u8 is_refused;
	u8 is_report_due;
	/** What the socket's counters were at the last run. */
	u64 bytes_acked;
	u32 delivered;
	u32 delivered_ce;
	u32 sacked_out;
	u32 lost;
	struct machine machine;
	/** The fallback, where nobody else's. */
	struct program program;
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 1);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct control);
} selvage_control SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_ARRAY);
	MAP_UINT(max_entries, 4096);
	MAP_UINT(map_flags, BPF_F_MMAPABLE);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct slot);
} selvage_slots SEC(".maps");

struct {
	MAP_UINT(type, BPF_MAP_TYPE_RINGBUF);
	MAP_UINT(max_entries, 1 << 20);
} selvage_notices SEC(".maps");

enum { NO_SLOT = 0xffffffff };

/** Something happens to a flow. */
struct moment {
	struct flow *flow;
	struct control *control;
	u64 now;
	u32 mss;
};

INLINE u64 now_micros(void)
{
	return bpf_ktime_get_ns() / 1000;
}

INLINE struct control *the_control(void)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&selvage_control, &key);
}

INLINE int notify(struct control *control, void *notice, u32 bytes)
{
	if (bpf_ringbuf_output(&selvage_notices, notice, bytes, 0) == 0)
		return 1;
	__sync_fetch_and_add(&control->missed, 1);
	return 0;
}

INLINE void tell(const struct moment *moment, u32 kind, u32 detail, u32 more)
{
	struct notice notice = {
		.kind = kind,
		.flow = moment->flow->id,
		.now_micros = moment->now,
		.detail = detail,
		.more = more,
	};

	notify(moment->control, &notice, sizeof(notice));
}

INLINE void copy_fallback(struct flow *flow)
{
	bpf_probe_read_kernel(&flow->program, sizeof(flow->program), (const void *)&settings.fallback);
}

INLINE void load_fallback(const struct moment *moment)
{
	struct flow *flow = moment->flow;
	u64 *registers = flow->machine.signals;

	copy_fallback(flow);
	load_values(&flow->machine, &flow->program);
	flow->timer_zero = moment->now;
	registers[settings.mss_register & (REGISTERS - 1)] = moment->mss;
}

/** Under Reno, and waits for a program. `rtt_micros` is 0 when it is not known. */
INLINE void begin(const struct moment *moment, u64 cwnd_bytes, u32 rtt_micros)
{
	struct flow *flow = moment->flow;

	flow->initial_cwnd_bytes = cwnd_bytes < 1 << 30 ? cwnd_bytes : 1 << 30;
	flow->machine.cwnd = flow->initial_cwnd_bytes;
	flow->machine.signals[RTT_SAMPLE_US] = rtt_micros ? rtt_micros : MAX_VALUE;
	flow->machine.signals[NOW] = moment->now;
	flow->waiting_since = moment->now;
	flow->beat_seen = moment->now;
	load_fallback(moment);
}
