// Flows and the sockets they belong to: how one begins and ends, and what Linux knows of it.

#pragma once
#include "flow.h"

/** A flow goes with its socket. */
struct {
	MAP_UINT(type, BPF_MAP_TYPE_SK_STORAGE);
	MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct flow);
} flows SEC(".maps");

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
	slot->mailbox.answered = 0;
	__sync_lock_test_and_set(&slot->flow, flow->id);
	tell(moment, NOTICE_OPEN, claim.slot, 0);
}

APART void begin_socket(struct flow *flow, struct sock *sk, struct control *control)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct moment moment = { .flow = flow, .control = control, .now = now_micros(), .mss = tp->mss_cache };

	flow->id = __sync_fetch_and_add(&control->next_flow, 1);
	if (flow->id == 0)
		flow->id = __sync_fetch_and_add(&control->next_flow, 1);
	flow->bytes_acked = tp->bytes_acked;
	flow->delivered = tp->delivered;
	flow->delivered_ce = tp->delivered_ce;
	flow->sacked_out = tp->sacked_out;
	flow->lost = tp->lost;
	// The handshake is a round trip.
	begin(&moment, (u64)tp->snd_cwnd * moment.mss, tp->srtt_us >> 3);
	open_slot(&moment, sk);
}

APART void end_socket(struct flow *flow, struct control *control)
{
	struct moment moment = { .flow = flow, .control = control, .now = now_micros() };
	struct slot *slot = bpf_map_lookup_elem(&selvage_slots, &flow->slot);

	if (!slot)
		return;
	__sync_lock_test_and_set(&slot->flow, 0);
	tell(&moment, NOTICE_CLOSE, 0, 0);
	// Last: from here on another processor may begin a flow in it, which is told of after the end of this one.
	__sync_lock_test_and_set(&slot->owner, 0);
}

INLINE struct flow *flow_of(struct sock *sk, struct control *control)
{
	struct flow *flow = bpf_sk_storage_get(&flows, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (flow && flow->id == 0)
		begin_socket(flow, sk, control);
	return flow;
}
