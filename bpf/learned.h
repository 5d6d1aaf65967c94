// A middlebox answers by the port it was asked by (ZooRoute §4.1, source port learning): of each inner flow that comes in
// the outer source port is kept, and what goes the other way gets the same.

#pragma once
#include "outer.h"

struct flow {
	struct address peer;
	u32 vni;
	struct address source, destination;
	u16 source_port, destination_port;
	u32 protocol;
};

struct {
	MAP_UINT(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_UINT(max_entries, 1);
	MAP_TYPE(key, struct flow);
	MAP_TYPE(value, u32);
} reroute_flows SEC(".maps");

struct ports {
	u16 source, destination;
};

/** What is behind IP; 0 where there is no IP. Fragments have no ports to be known by. */
INLINE void *read_inner_ip(void *next, void *end, u16 type, struct flow *flow, u16 *fragment)
{
	if (type == BIG16(TYPE_IPV4)) {
		struct ipv4 *ip = next;

		if ((void *)(ip + 1) > end)
			return 0;
		map_ipv4(&flow->source, ip->source);
		map_ipv4(&flow->destination, ip->destination);
		flow->protocol = ip->protocol;
		*fragment = ip->fragment & BIG16(0x3fff);
		return next + (ip->version_and_words & 15) * 4;
	}
	if (type == BIG16(TYPE_IPV6)) {
		struct ipv6 *ip = next;

		if ((void *)(ip + 1) > end)
			return 0;
		for (int i = 0; i < 4; i++) {
			flow->source.word[i] = ip->source[i];
			flow->destination.word[i] = ip->destination[i];
		}
		flow->protocol = ip->next;
		return ip + 1;
	}
	return 0;
}

/** Whether there is an inner flow; what has no ports counts as one of ports 0. */
INLINE int read_flow(struct __sk_buff *skb, const struct outer *outer, struct flow *flow)
{
	make_linear(skb, INNER_BYTES);
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	u32 at = outer->udp_at + sizeof(struct udp) + sizeof(struct vxlan);
	u16 fragment = 0;

	if (at > INNER_BYTES)
		return 0;
	struct ethernet *ethernet = data + at;
	if ((void *)(ethernet + 1) > end)
		return 0;
	u16 type = ethernet->type;
	void *next = skip_tags(ethernet + 1, end, &type);
	if (!next)
		return 0;
	struct ports *ports = read_inner_ip(next, end, type, flow, &fragment);
	if (!ports)
		return 0;
	flow->vni = outer->vni;
	flow->source_port = flow->destination_port = 0;
	if (fragment || (flow->protocol != PROTOCOL_TCP && flow->protocol != PROTOCOL_UDP))
		return 1;
	if ((void *)(ports + 1) > end)
		return 0;
	flow->source_port = ports->source;
	flow->destination_port = ports->destination;
	return 1;
}

APART void learn_port(struct __sk_buff *skb, const struct outer *outer)
{
	struct flow came, answer;

	if (!read_flow(skb, outer, &came))
		return;
	answer.peer = outer->source;
	answer.vni = came.vni;
	answer.source = came.destination;
	answer.destination = came.source;
	answer.source_port = came.destination_port;
	answer.destination_port = came.source_port;
	answer.protocol = came.protocol;
	u32 *port = bpf_map_lookup_elem(&reroute_flows, &answer);
	if (!port)
		bpf_map_update_elem(&reroute_flows, &answer, &outer->source_port, BPF_ANY);
	else if (*port != outer->source_port)
		*port = outer->source_port;
}

/** 0 for a flow that did not come in. */
APART u32 learned_port(struct __sk_buff *skb, const struct outer *outer)
{
	struct flow flow;

	if (!read_flow(skb, outer, &flow))
		return 0;
	flow.peer = outer->destination;
	u32 *port = bpf_map_lookup_elem(&reroute_flows, &flow);
	return port ? *port : 0;
}
