// What Linux knows of a flow, as the signals that programs read (CCP §4.5.4, table 4.3). Endpoint delay and hops, which it
// cannot tell, stay 0, and so the fabric is taken to have all of a round trip.

#pragma once
#include "sockets.h"

INLINE u32 packets_in_flight(const struct tcp_sock *tp)
{
	return tp->packets_out - tp->sacked_out - tp->lost_out + tp->retrans_out;
}

INLINE u32 rise(u32 now, u32 before)
{
	s32 difference = now - before;

	return difference > 0 ? difference : 0;
}

INLINE void measure(struct flow *flow, const struct tcp_sock *tp, u64 now, int was_timeout)
{
	u64 *signals = flow->machine.signals;
	u32 mss = tp->mss_cache;
	u32 delivered = tp->delivered - flow->delivered;
	u32 misordered = rise(tp->sacked_out, flow->sacked_out);
	// Of what was delivered, that which did not just move behind a gap or from there to its place.
	u32 in_order = rise(delivered, tp->sacked_out - flow->sacked_out);
	u32 marked = tp->delivered_ce - flow->delivered_ce;
	u32 in_flight = packets_in_flight(tp);

	signals[BYTES_ACKED] = to_value(tp->bytes_acked - flow->bytes_acked);
	signals[PACKETS_ACKED] = in_order;
	signals[BYTES_MISORDERED] = (u64)misordered * mss;
	signals[PACKETS_MISORDERED] = misordered;
	signals[ECN_BYTES] = (u64)marked * mss;
	signals[ECN_PACKETS] = marked;
	signals[LOST_PKTS_SAMPLE] = tp->lost - flow->lost;
	signals[NOW] = now;
	signals[WAS_TIMEOUT] = was_timeout;
	signals[IS_SAMPLE] = 0;
	signals[BYTES_IN_FLIGHT] = (u64)in_flight * mss;
	signals[PACKETS_IN_FLIGHT] = in_flight;
	flow->bytes_acked = tp->bytes_acked;
	flow->delivered = tp->delivered;
	flow->delivered_ce = tp->delivered_ce;
	flow->sacked_out = tp->sacked_out;
	flow->lost = tp->lost;
}

/** These keep their last value when an acknowledgement says nothing of them. */
INLINE void measure_rates(struct flow *flow, const struct rate_sample *rs, u32 mss)
{
	u64 *signals = flow->machine.signals;
	s64 rtt = rs->rtt_us;
	s64 interval = rs->interval_us;
	s32 delivered = rs->delivered;
	u32 sending = rs->snd_interval_us;
	u32 receiving = rs->rcv_interval_us;

	if (rtt > 0) {
		signals[RTT_SAMPLE_US] = rtt;
		signals[FABRIC_DELAY_US] = rtt;
		signals[IS_SAMPLE] = 1;
	}
	if (delivered <= 0 || interval <= 0)
		return;
	u64 scaled = (u64)delivered * mss * 1000000;
	if (sending > 0)
		signals[RATE_OUTGOING] = to_value(scaled / sending);
	if (receiving > 0)
		signals[RATE_INCOMING] = to_value(scaled / receiving);
}
