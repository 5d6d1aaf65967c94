// What goes to the process: packets of the protocol, and destinations that it has no entry for. A flood is given up before
// it costs the process anything, and one of strangers costs the packets of our peers nothing.

#pragma once
#include "outer.h"
#include "reroute-shared.h"

INLINE void describe(struct heard *heard, enum heard_kind kind, const struct outer *outer, s64 now)
{
	heard->kind = kind;
	heard->length = 0;
	heard->nanos = now;
	heard->source = outer->source;
	heard->destination = outer->destination;
	heard->source_port = outer->source_port;
	heard->destination_port = outer->destination_port;
	heard->hops = outer->hops;
	heard->padding[0] = heard->padding[1] = heard->padding[2] = 0;
}

APART void capture(struct __sk_buff *skb, struct settings *settings, const struct outer *outer)
{
	s64 now = bpf_ktime_get_ns();
	int is_peer = bpf_map_lookup_elem(&reroute_paths, &outer->source) != 0;
	u32 at = outer->udp_at + sizeof(struct udp);
	u32 length = outer->payload_bytes;

	if (length > MAX_PAYLOAD || length < sizeof(struct vxlan)) {
		count(settings, COUNT_TOO_LONG);
		return;
	}
	if (!may_spend(settings, is_peer ? BUCKET_PEERS : BUCKET_STRANGERS, now)) {
		count(settings, is_peer ? COUNT_TOO_MANY : COUNT_TOO_MANY_STRANGERS);
		return;
	}
	struct heard_packet *packet = bpf_ringbuf_reserve(&reroute_heard, sizeof(*packet), 0);
	if (!packet) {
		count(settings, COUNT_NO_ROOM);
		return;
	}
	describe(&packet->heard, HEARD_PACKET, outer, now);
	packet->heard.length = length;
	if (bpf_skb_load_bytes(skb, at, packet->payload, length) < 0) {
		bpf_ringbuf_discard(packet, 0);
		count(settings, COUNT_TOO_LONG);
		return;
	}
	bpf_ringbuf_submit(packet, 0);
	count(settings, COUNT_CAPTURED);
}

INLINE int is_group(const struct address *address)
{
	int is_ipv4 = address->word[0] == 0 && address->word[1] == 0 && address->word[2] == BIG32(0xffff);
	u32 first = BIG32(is_ipv4 ? address->word[3] : address->word[0]) >> 24;

	return is_ipv4 ? first >= 224 : first == 0xff;
}

/** ZooRoute §4.1: active destinations are found while packets are encapsulated. */
APART void tell_destination(struct settings *settings, const struct outer *outer)
{
	s64 now = bpf_ktime_get_ns();
	s64 *told = bpf_map_lookup_elem(&reroute_newcomers, &outer->destination);
	struct heard heard;

	if (told && now - *told < TOLD_NANOS)
		return;
	if (is_group(&outer->destination) || !may_spend(settings, BUCKET_DESTINATIONS, now))
		return;
	bpf_map_update_elem(&reroute_newcomers, &outer->destination, &now, BPF_ANY);
	describe(&heard, HEARD_DESTINATION, outer, now);
	bpf_ringbuf_output(&reroute_heard, &heard, sizeof(heard), 0);
}
