// The outer headers of a packet: Ethernet, tags if the kernel left them in, IPv4 or IPv6, UDP, and where VXLAN's eight
// bytes lie (RFC 7348 §5).

#pragma once
#include "reroute-table.h"

enum { MAX_TAGS = 2 };
/**
 * Where the outer headers end at the latest, and with them an inner flow's addresses and ports, but for IPv4 options. What
 * is said to be linear costs a copy where it is not: no more than is looked at.
 */
enum { OUTER_BYTES = 14 + 8 + 40 + 8 + 8, INNER_BYTES = OUTER_BYTES + 14 + 8 + 40 + 4 };

struct outer {
	struct address source, destination;
	/** Where IP and UDP begin, and how long its payload is as UDP has it. */
	u32 ip_at;
	u32 udp_at;
	u32 payload_bytes;
	u32 source_port;
	u32 destination_port;
	/** VXLAN's words. */
	u32 flags;
	u32 vni;
	u32 hops;
	u16 is_ipv6;
	/** As it stands in the packet. */
	u16 checksum;
};

/** Packets may have their headers elsewhere than in their head. */
INLINE void make_linear(struct __sk_buff *skb, u32 bytes)
{
	u32 linear = skb->data_end - skb->data;

	if (linear < bytes && linear < skb->len)
		bpf_skb_pull_data(skb, skb->len < bytes ? skb->len : bytes);
}

INLINE void map_ipv4(struct address *to, u32 ipv4)
{
	to->word[0] = to->word[1] = 0;
	to->word[2] = BIG32(0xffff);
	to->word[3] = ipv4;
}

INLINE void *skip_tags(void *next, void *end, u16 *type)
{
	for (int i = 0; i < MAX_TAGS; i++) {
		struct vlan_tag *tag = next;

		if (*type != BIG16(TYPE_VLAN) && *type != BIG16(TYPE_SERVICE_VLAN))
			return next;
		if ((void *)(tag + 1) > end)
			return 0;
		*type = tag->type;
		next = tag + 1;
	}
	return next;
}

/** `CUT`: it may be VXLAN, but for that more has to be seen. */
enum found { OTHER, FOUND, CUT };

/** Where UDP begins; a fragment that is not the first is other, and so is whatever is not UDP right behind IP. */
INLINE enum found skip_ip(void **next, void *end, u16 type, struct outer *outer)
{
	if (type == BIG16(TYPE_IPV4)) {
		struct ipv4 *ip = *next;

		if ((void *)(ip + 1) > end)
			return CUT;
		u32 length = (ip->version_and_words & 15) * 4;
		if (ip->protocol != PROTOCOL_UDP || ip->fragment & BIG16(0x1fff) || length < sizeof(*ip))
			return OTHER;
		outer->is_ipv6 = 0;
		*next += length;
		return FOUND;
	}
	if (type == BIG16(TYPE_IPV6)) {
		struct ipv6 *ip = *next;

		if ((void *)(ip + 1) > end)
			return CUT;
		outer->is_ipv6 = 1;
		*next = ip + 1;
		return ip->next == PROTOCOL_UDP ? FOUND : OTHER;
	}
	return OTHER;
}

/** As far as the head of the packet goes. */
INLINE enum found look_at(struct __sk_buff *skb, u32 port, struct outer *outer)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethernet *ethernet = data;

	if ((void *)(ethernet + 1) > end)
		return CUT;
	u16 type = ethernet->type;
	void *ip = skip_tags(ethernet + 1, end, &type), *next = ip;
	if (!ip)
		return CUT;
	enum found found = skip_ip(&next, end, type, outer);
	if (found != FOUND)
		return found;
	struct udp *udp = next;
	if ((void *)(udp + 1) > end)
		return CUT;
	if (udp->destination != BIG16((u16)port))
		return OTHER;
	struct vxlan *vxlan = (void *)(udp + 1);
	if ((void *)(vxlan + 1) > end)
		return CUT;
	outer->ip_at = ip - data;
	outer->udp_at = (void *)udp - data;
	outer->payload_bytes = BIG16(udp->length) - sizeof(*udp);
	outer->source_port = BIG16(udp->source);
	outer->destination_port = port;
	outer->checksum = udp->checksum;
	outer->flags = BIG32(vxlan->flags);
	outer->vni = BIG32(vxlan->vni) >> 8;
	return FOUND;
}

APART enum found look_again(struct __sk_buff *skb, u32 port, struct outer *outer)
{
	make_linear(skb, OUTER_BYTES);
	return look_at(skb, port, outer);
}

/**
 * Whether it is UDP to this port with room for VXLAN's header. Most packets are not, or are looked at no further. The head of
 * a host's own TCP is shorter than what we look for: to fetch more of every packet would cost more than all else.
 */
INLINE int find_outer(struct __sk_buff *skb, u32 port, struct outer *outer)
{
	enum found found = look_at(skb, port, outer);

	return (found == CUT ? look_again(skb, port, outer) : found) == FOUND;
}

/** Of a packet that was found. */
INLINE int read_addresses(struct __sk_buff *skb, struct outer *outer)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	// As the verifier wants it: no more than two tags behind Ethernet.
	u32 at = outer->ip_at & 31;
	if (outer->is_ipv6) {
		struct ipv6 *ip = data + at;

		if ((void *)(ip + 1) > end)
			return 0;
		for (int i = 0; i < 4; i++) {
			outer->source.word[i] = ip->source[i];
			outer->destination.word[i] = ip->destination[i];
		}
		outer->hops = ip->hops;
		return 1;
	}
	struct ipv4 *ip = data + at;
	if ((void *)(ip + 1) > end)
		return 0;
	map_ipv4(&outer->source, ip->source);
	map_ipv4(&outer->destination, ip->destination);
	outer->hops = ip->hops;
	return 1;
}

/** RFC 7348 §5: a frame of a network. The P bit of VXLAN-GPE says that it is something else (BIFROST §3.2). */
INLINE int is_frame(const struct outer *outer)
{
	return (outer->flags >> 24 & 0x0c) == 0x08 && outer->vni != 0;
}

/** ZooRoute §A: the magic number, where VXLAN has its flags. */
INLINE int is_zooroute(const struct outer *outer)
{
	return outer->flags >> 8 == 0xffeedd;
}
