// A flow of the Linux datapath: what it keeps with its socket, and how it begins and ends.

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

/** One flow; it belongs to its socket, and goes with it. */
struct flow {
	struct machine machine;
	struct program program;
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
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_SK_STORAGE);
	MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct flow);
} flows SEC(".maps");

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

struct claim {
	u32 first;
	u32 entries;
	u32 id;
	u32 slot;
};

static long claim_next(u32 index, struct claim *claim)
{
	u32 key = claim->first + index;

	if (key >= claim->entries)
		key -= claim->entries;
	struct slot *slot = bpf_map_lookup_elem(&selvage_slots, &key);
	if (!slot || __sync_val_compare_and_swap(&slot->owner, 0, claim->id) != 0)
		return 0;
	claim->slot = key;
	return 1;
}

/** IPv4 addresses are written as IPv6 has them (RFC 4291 §2.5.5.2). */
INLINE void describe(struct slot *slot, struct sock *sk)
{
	struct sock_common *common = &sk->__sk_common;

	if (common->skc_family == AF_INET6) {
		for (int i = 0; i < 4; i++) {
			slot->source[i] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			slot->destination[i] = common->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	} else {
		slot->source[0] = slot->source[1] = slot->destination[0] = slot->destination[1] = 0;
		slot->source[2] = slot->destination[2] = __builtin_bswap32(0xffff);
		slot->source[3] = common->skc_rcv_saddr;
		slot->destination[3] = common->skc_daddr;
	}
	slot->source_port = common->skc_num;
	slot->destination_port = __builtin_bswap16(common->skc_dport);
}

/** Where the process finds the flow; without a slot it stays on its own. */
APART void open_slot(const struct moment *moment, struct sock *sk)
{
	struct flow *flow = moment->flow;
	struct control *control = moment->control;
	struct claim claim = { .entries = control->entries, .id = flow->id, .slot = NO_SLOT };
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	flow->slot = NO_SLOT;
	if (claim.entries == 0)
		return;
	claim.first = flow->id % claim.entries;
	bpf_loop(claim.entries, claim_next, &claim, 0);
	struct slot *slot = bpf_map_lookup_elem(&selvage_slots, &claim.slot);
	if (!slot) {
		__sync_fetch_and_add(&control->unserved, 1);
		return;
	}
	flow->slot = claim.slot;
	describe(slot, sk);
	slot->mss_bytes = tp->mss_cache;
	slot->cwnd_bytes = flow->initial_cwnd_bytes;
	slot->opened_micros = moment->now;
	slot->mailbox.answered = 0;
	__sync_lock_test_and_set(&slot->flow, flow->id);
	tell(moment, NOTICE_OPEN, claim.slot, 0);
}

INLINE void load_fallback(const struct moment *moment)
{
	struct flow *flow = moment->flow;
	u64 *registers = flow->machine.signals;

	load_values(&flow->machine, (const struct program *)&settings.fallback);
	flow->timer_zero = moment->now;
	registers[settings.mss_register & (REGISTERS - 1)] = moment->mss;
}

APART void begin(struct flow *flow, struct sock *sk, struct control *control)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u32 rtt = tp->srtt_us >> 3;
	struct moment moment = { .flow = flow, .control = control, .now = now_micros(), .mss = tp->mss_cache };

	flow->id = __sync_fetch_and_add(&control->next_flow, 1);
	if (flow->id == 0)
		flow->id = __sync_fetch_and_add(&control->next_flow, 1);
	u64 cwnd_bytes = (u64)tp->snd_cwnd * moment.mss;
	flow->initial_cwnd_bytes = cwnd_bytes < 1 << 30 ? cwnd_bytes : 1 << 30;
	flow->machine.cwnd = flow->initial_cwnd_bytes;
	// The handshake is a round trip.
	flow->machine.signals[RTT_SAMPLE_US] = rtt ? rtt : MAX_VALUE;
	flow->waiting_since = moment.now;
	flow->beat_seen = moment.now;
	flow->bytes_acked = tp->bytes_acked;
	flow->delivered = tp->delivered;
	flow->delivered_ce = tp->delivered_ce;
	flow->sacked_out = tp->sacked_out;
	flow->lost = tp->lost;
	load_fallback(&moment);
	open_slot(&moment, sk);
}

APART void end(struct flow *flow, struct control *control)
{
	struct moment moment = { .flow = flow, .control = control, .now = now_micros() };
	struct slot *slot = bpf_map_lookup_elem(&selvage_slots, &flow->slot);

	if (!slot)
		return;
	__sync_lock_test_and_set(&slot->flow, 0);
	__sync_lock_test_and_set(&slot->owner, 0);
	tell(&moment, NOTICE_CLOSE, 0, 0);
}

INLINE struct flow *flow_of(struct sock *sk, struct control *control)
{
	struct flow *flow = bpf_sk_storage_get(&flows, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (flow && flow->id == 0)
		begin(flow, sk, control);
	return flow;
}
