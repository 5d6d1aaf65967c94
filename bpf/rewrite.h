// Another outer source port, and the outer UDP checksum that goes with it.

#pragma once
#include "outer.h"

enum { CHECKSUM_PARTIAL = 3 };
enum { FIELD_BYTE_OFFSET = 0, FIELD_BYTE_SIZE = 1, FIELD_LSHIFT = 4, FIELD_RSHIFT = 5 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/** The kernel's own, behind the context. */
struct sk_buff {
	unsigned char *head, *data;
	u16 csum_start;
	u8 ip_summed : 2;
};

#pragma clang attribute pop

/** The context is the kernel's own struct, and may be read as memory. */
#define KERNEL_FIELD(skb, field)                                                                        \
	({                                                                                              \
		typeof(((struct sk_buff *)0)->field) value_;                                            \
		bpf_probe_read_kernel(&value_, sizeof(value_),                                          \
				      __builtin_preserve_access_index(&((struct sk_buff *)skb)->field)); \
		value_;                                                                                 \
	})

INLINE u32 ip_summed(struct __sk_buff *skb)
{
	struct sk_buff *kernel = (struct sk_buff *)skb;
	u64 value = 0;

	bpf_probe_read_kernel(&value, __builtin_preserve_field_info(kernel->ip_summed, FIELD_BYTE_SIZE),
			      (void *)skb + __builtin_preserve_field_info(kernel->ip_summed, FIELD_BYTE_OFFSET));
	value <<= __builtin_preserve_field_info(kernel->ip_summed, FIELD_LSHIFT);
	return value >> __builtin_preserve_field_info(kernel->ip_summed, FIELD_RSHIFT);
}

INLINE u32 folded(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/** Of the pseudo-header (RFC 768, RFC 8200 §8.1), in which IPv4 addresses count without what maps them. */
INLINE u32 pseudo_sum(const struct outer *outer)
{
	u64 sum = BIG16(PROTOCOL_UDP) + BIG16((u16)(outer->payload_bytes + sizeof(struct udp)));

	for (int i = 0; i < 4; i++)
		if (outer->is_ipv6 || i == 3)
			sum += (u64)outer->source.word[i] + outer->destination.word[i];
	return folded(sum);
}

/**
 * Whether the outer checksum is complete, as it stands in the packet. There is none with 0 (RFC 768). Of a bundle, and of a
 * packet whose outer checksum is left to the network card, it is the sum of the pseudo-header alone, which has no ports.
 * With the inner one left to the card, the outer one is complete (udp_set_csum, lco_csum). Where a sum could be both, the
 * kernel's own fields say; to read them costs more than all else.
 */
INLINE int is_complete(struct __sk_buff *skb, const struct outer *outer)
{
	if (outer->checksum == 0 || skb->gso_size != 0)
		return 0;
	if (outer->checksum != pseudo_sum(outer) || ip_summed(skb) != CHECKSUM_PARTIAL)
		return 1;
	u64 start = KERNEL_FIELD(skb, data) - KERNEL_FIELD(skb, head) + outer->udp_at;
	return KERNEL_FIELD(skb, csum_start) != start;
}

/** RFC 1624; both ports and the checksum as they stand in the packet. */
INLINE u16 updated_checksum(u16 checksum, u16 from, u16 to)
{
	u32 sum = (u16)~checksum + (u16)~from + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum ? (u16)~sum : 0xffff;
}

/**
 * Whether it was done. Straight into the packet: a program that does so has the kernel see first that nobody else reads the
 * packet's head, and the head of TCP's copies is theirs alone (Linux 5.3), so that nothing is copied.
 */
INLINE int write_source_port(struct __sk_buff *skb, const struct outer *outer, u32 port)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	// As the verifier wants it: no more than two tags and IPv4's longest header.
	struct udp *udp = data + (outer->udp_at & 127);

	if ((void *)(udp + 1) > end)
		return 0;
	if (is_complete(skb, outer))
		udp->checksum = updated_checksum(outer->checksum, BIG16((u16)outer->source_port), BIG16((u16)port));
	udp->source = BIG16((u16)port);
	return 1;
}
