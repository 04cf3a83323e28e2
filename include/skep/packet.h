/* Packets, the same way in XDP programs and in those of traffic control: what the context is tells which function is
 * called.
 *
 *	struct ethhdr *eth = skep_header(ctx, 0, struct ethhdr);	checked against the packet's end; or NULL
 *	struct in6_addr to;
 *	if (skep_packet_load(ctx, 38, &to))				copied, also from a packet's further fragments
 *		return XDP_PASS;
 *
 * An offset that is not a constant must have a bound that the verifier can see (0xffff at most).
 */
#ifndef SKEP_PACKET_H
#define SKEP_PACKET_H

/* So many bytes at an offset of the packet's linear part, as a type; NULL if the packet ends before. */
#define skep_header(ctx, offset, type) ({                                                                         \
	void *__skep_at = (void *)(long)(ctx)->data + (offset);                                                   \
	__skep_at + sizeof(type) > (void *)(long)(ctx)->data_end ? (typeof(type) *)0 : (typeof(type) *)__skep_at; \
})

/* Bytes of the packet to *to, or of *from into the packet: sizeof of what is pointed to. 0, or a negative error. */
#define skep_packet_load(ctx, offset, to)                                                                         \
	_Generic((ctx), struct xdp_md *: bpf_xdp_load_bytes, struct __sk_buff *: bpf_skb_load_bytes)(             \
		(void *)(ctx), offset, to, sizeof(*(to)))
#define skep_packet_store(ctx, offset, from)                                                                      \
	_Generic((ctx), struct xdp_md *: __skep_xdp_store, struct __sk_buff *: __skep_skb_store)(                 \
		(void *)(ctx), offset, from, sizeof(*(from)))
/* The whole packet's length in bytes, fragments included. */
#define skep_packet_len(ctx)                                                                                      \
	_Generic((ctx), struct xdp_md *: __skep_xdp_len, struct __sk_buff *: __skep_skb_len)((void *)(ctx))

static inline __attribute__((always_inline, unused)) long __skep_xdp_store(void *ctx, __u32 offset, void *from,
									   __u32 size)
{
	return bpf_xdp_store_bytes(ctx, offset, from, size);
}

static inline __attribute__((always_inline, unused)) long __skep_skb_store(void *ctx, __u32 offset, const void *from,
									   __u32 size)
{
	return bpf_skb_store_bytes(ctx, offset, from, size, 0);
}

static inline __attribute__((always_inline, unused)) __u64 __skep_xdp_len(void *ctx)
{
	return bpf_xdp_get_buff_len(ctx);
}

static inline __attribute__((always_inline, unused)) __u64 __skep_skb_len(void *ctx)
{
	return ((struct __sk_buff *)ctx)->len;
}

#endif
