// What our programs need of the kernel, and no more: a generated vmlinux.h has 150,000 lines and names that clash with
// ours. Offsets do not count here: fields are found by name when a program is loaded (CO-RE).

#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
/** A function of its own: the verifier judges it once for each way in, and the compiler keeps it apart. */
#define APART static __attribute__((noinline))
/** Memory that user space can write meanwhile: read once, and nothing assumed of it afterwards. */
#define READ_ONCE(place) (*(const volatile typeof(place) *)&(place))

/**
 * Whether a loop may go on (may_goto, Linux 6.9): always, but by it the verifier knows that the loop ends. It takes the
 * place of bpf_loop, which calls a function each time. The compiler has no name for the instruction yet.
 */
#define CAN_GO_ON                                                                                                      \
	({                                                                                                             \
		__label__ stop, on;                                                                                    \
		int can = 1;                                                                                           \
		asm volatile goto("1: .byte 0xe5; .byte 0; .long ((%l[stop] - 1b - 8) / 8) & 0xffff; .short 0"         \
				  :                                                                                    \
				  :                                                                                    \
				  :                                                                                    \
				  : stop);                                                                             \
		goto on;                                                                                               \
	stop:                                                                                                          \
		can = 0;                                                                                               \
	on:                                                                                                            \
		can;                                                                                                   \
	})

// How libbpf wants maps to be declared.
#define MAP_UINT(name, value) int(*name)[value]
#define MAP_TYPE(name, type) typeof(type) *name

enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_F_NO_PREALLOC = 1 << 0,
	BPF_F_MMAPABLE = 1 << 10,
	BPF_SK_STORAGE_GET_F_CREATE = 1 << 0,
};

// Helpers by number (include/uapi/linux/bpf.h).
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static void *(*const bpf_sk_storage_get)(void *map, void *sk, void *value, u64 flags) = (void *)107;
static long (*const bpf_sk_storage_delete)(void *map, void *sk) = (void *)108;
static long (*const bpf_probe_read_kernel)(void *target, u32 size, const void *source) = (void *)113;
static long (*const bpf_ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static long (*const bpf_loop)(u32 times, void *callback, void *context, u64 flags) = (void *)181;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	union {
		u32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	unsigned long sk_pacing_rate;
	unsigned long sk_max_pacing_rate;
	u32 sk_pacing_status;
};

struct tcp_sock {
	u32 snd_cwnd;
	u32 snd_cwnd_clamp;
	u32 snd_ssthresh;
	u32 mss_cache;
	u32 packets_out;
	u32 retrans_out;
	u32 sacked_out;
	u32 lost_out;
	u32 lost;
	u32 delivered;
	u32 delivered_ce;
	u32 srtt_us;
	u64 bytes_acked;
	u64 tcp_mstamp;
};

struct rate_sample {
	s32 delivered;
	long interval_us;
	u32 snd_interval_us;
	u32 rcv_interval_us;
	long rtt_us;
};

#pragma clang attribute pop

enum { AF_INET6 = 10, TCP_CA_LOSS = 4 };
enum { SK_PACING_NONE = 0, SK_PACING_NEEDED = 1 };

/** Of the kernel's struct the members that we fill in. */
struct tcp_congestion_ops {
	char name[16];
	u32 flags;
	void (*init)(struct sock *sk);
	void (*release)(struct sock *sk);
	u32 (*ssthresh)(struct sock *sk);
	u32 (*undo_cwnd)(struct sock *sk);
	void (*set_state)(struct sock *sk, u8 state);
	void (*cong_control)(struct sock *sk, u32 ack, int flag, const struct rate_sample *rs);
};
