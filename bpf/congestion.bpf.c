// Linux TCP as a datapath of the congestion control plane (CCP §4.5.4): a congestion control whose window and pacing are
// what the flow's program says, run for every acknowledgement and timeout. One object serves one name; it is copied
// under as many names as there are algorithms. What the rules for silent, absurd and failed algorithms are stands in
// docs/congestion-language.md, and src/congestion/datapath.ts has the same in TypeScript.

#include "signals.h"
#include "turn.h"

/** A window too small for what is in flight may not hold back the first retransmission (RFC 6675 §5). */
INLINE u32 window_of(const struct flow *flow, const struct tcp_sock *tp, u32 mss)
{
	u64 packets = flow->machine.cwnd / mss;
	u32 most = tp->snd_cwnd_clamp < 1 << 24 ? tp->snd_cwnd_clamp : 1 << 24;
	u32 least = tp->lost_out > 0 && tp->retrans_out == 0 ? packets_in_flight(tp) + 1 : 1;

	if (packets > most)
		packets = most;
	return packets < least ? least : packets;
}

/**
 * Mostly nothing waits for it, but the kernel makes its bursts as long as a millisecond at this rate: as for its own
 * congestion controls (tcp_update_pacing_rate), and not always 64 KB, which short queues do not take in. Where somebody else
 * has asked for pacing, fq or the control before us, it is so much that it does not hold a growing window back.
 */
INLINE u64 unpaced_rate(const struct sock *sk, const struct tcp_sock *tp, u32 window, u32 mss)
{
	u64 packets = window > tp->packets_out ? window : tp->packets_out;
	u32 percent = sk->sk_pacing_status == SK_PACING_NONE ? 120 : 200;

	if (tp->srtt_us == 0)
		return ~0ull;
	// It is counted in eighths of a microsecond.
	return packets * mss * (8 * 1000000 / 100) * percent / tp->srtt_us;
}

INLINE void apply(const struct flow *flow, struct sock *sk, u32 mss)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u64 rate = flow->machine.rate;
	u32 window = window_of(flow, tp, mss);

	if (tp->snd_cwnd != window)
		tp->snd_cwnd = window;
	if (rate == 0)
		rate = unpaced_rate(sk, tp, window, mss);
	else if (rate < mss)
		rate = mss;
	if (rate > sk->sk_max_pacing_rate)
		rate = sk->sk_max_pacing_rate;
	if (sk->sk_pacing_rate == rate)
		return;
	sk->sk_pacing_rate = rate;
	if (sk->sk_pacing_status == SK_PACING_NONE && flow->machine.rate != 0)
		sk->sk_pacing_status = SK_PACING_NEEDED;
}

/**
 * The time is when the kernel last looked at the clock for this socket, which it does first of all when an acknowledgement
 * comes or a timer is up: to look again would cost what ten steps do. What begins a flow looks itself, maybe later.
 */
INLINE u64 time_of(const struct flow *flow, const struct tcp_sock *tp)
{
	u64 now = tp->tcp_mstamp;
	u64 last = flow->machine.signals[NOW];

	return now > last ? now : last;
}

/** All in one piece: see `execute` for what calls cost. */
INLINE void happen(struct sock *sk, const struct rate_sample *rs, int was_timeout)
{
	struct control *control = the_control();
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u32 mss = tp->mss_cache;

	if (!control || mss == 0)
		return;
	struct flow *flow = flow_of(sk, control);
	if (!flow)
		return;
	struct moment moment = { .flow = flow, .control = control, .now = time_of(flow, tp), .mss = mss };
	heed(&moment);
	measure(flow, tp, moment.now, was_timeout);
	if (rs)
		measure_rates(flow, rs, mss);
	turn(&moment);
	apply(flow, sk, mss);
}

// What the kernel calls.

SEC("struct_ops/init") void flow_init(u64 *context)
{
	struct control *control = the_control();
	struct sock *sk = (struct sock *)context[0];

	if (control)
		flow_of(sk, control);
}

SEC("struct_ops/release") void flow_release(u64 *context)
{
	struct sock *sk = (struct sock *)context[0];
	struct control *control = the_control();
	struct flow *flow = bpf_sk_storage_get(&flows, sk, 0, 0);

	if (!flow || !control)
		return;
	end_socket(flow, control);
	bpf_sk_storage_delete(&flows, sk);
}

SEC("struct_ops/cong_control") void flow_acknowledged(u64 *context)
{
	happen((struct sock *)context[0], (const struct rate_sample *)context[3], 0);
}

SEC("struct_ops/set_state") void flow_state(u64 *context)
{
	if ((u8)context[1] == TCP_CA_LOSS)
		happen((struct sock *)context[0], 0, 1);
}

SEC("struct_ops/ssthresh") u32 flow_ssthresh(u64 *context)
{
	return ((struct tcp_sock *)context[0])->snd_ssthresh;
}

SEC("struct_ops/undo_cwnd") u32 flow_undo(u64 *context)
{
	return ((struct tcp_sock *)context[0])->snd_cwnd;
}

/** The name is replaced in the object's bytes before they are loaded; `flags` lies behind it. */
SEC(".struct_ops") struct tcp_congestion_ops selvage_cc = {
	.name = "SelvageNameHere",
	.flags = 1,
	.init = (void *)flow_init,
	.release = (void *)flow_release,
	.ssthresh = (void *)flow_ssthresh,
	.undo_cwnd = (void *)flow_undo,
	.set_state = (void *)flow_state,
	.cong_control = (void *)flow_acknowledged,
};

char terms[] SEC("license") = "GPL";
