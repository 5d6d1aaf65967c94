// What programs that see packets need of the kernel: the context, helpers, and headers as they lie in a packet.

#pragma once
#include "kernel.h"

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_ANY = 0,
	BPF_RB_NO_WAKEUP = 1,
};

/** What a tc program returns; the newer attachment (tcx) has the same numbers. */
enum { PACKET_NEXT = -1, PACKET_DROP = 2 };
/** What an XDP program returns. */
enum { XDP_DROP = 1 };

static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const bpf_skb_load_bytes)(const void *skb, u32 at, void *to, u32 length) = (void *)26;
static long (*const bpf_skb_pull_data)(void *skb, u32 length) = (void *)39;
static u64 (*const bpf_jiffies64)(void) = (void *)118;
static void *(*const bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static void (*const bpf_ringbuf_discard)(void *data, u64 flags) = (void *)133;

/** The context of a tc program (include/uapi/linux/bpf.h). */
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority;
	u32 ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id;
	u32 family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
	u64 sk;
	u32 gso_size;
};

/** The context of an XDP program. */
struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct ethernet {
	u8 destination[6], source[6];
	u16 type;
};

struct vlan_tag {
	u16 id, type;
};

struct ipv4 {
	u8 version_and_words, service;
	u16 length, id, fragment;
	u8 hops, protocol;
	u16 checksum;
	u32 source, destination;
};

struct ipv6 {
	u32 version_and_label;
	u16 length;
	u8 next, hops;
	u32 source[4], destination[4];
};

struct udp {
	u16 source, destination, length, checksum;
};

/** RFC 7348 §5: flags in the first byte, a 24-bit VNI in the upper part of the second word. */
struct vxlan {
	u32 flags, vni;
};

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

#define BIG16(value) __builtin_bswap16(value)
#define BIG32(value) __builtin_bswap32(value)

/** Which bit is the lowest that is set; 64 for none. There is no instruction for it: the ones below it are counted. */
INLINE u32 lowest_bit(u64 word)
{
	u64 below = ~word & (word - 1);

	below -= below >> 1 & 0x5555555555555555;
	below = (below & 0x3333333333333333) + (below >> 2 & 0x3333333333333333);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return below * 0x0101010101010101 >> 56;
}
