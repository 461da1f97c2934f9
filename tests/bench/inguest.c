// SPDX-License-Identifier: GPL-2.0
/*
 * Operations measured inside the guest: TSC before and after each, less the
 * cost of the two readings, which a first run of the same loop around nothing
 * gives. What lies between is the exit, its handling and the entry.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

/* Results lie in the guest's memory, above the low part. */
#define RESULTS_BYTES	(64u << 10)
#define TOUCH_SLOT	1
#define TOUCH_GPA	0x40000000ull
#define TOUCH_BATCH	(8u << 20)	/* bytes per run of 4 KiB pages */
#define TOUCH_BATCH_2M	(32u << 20)

struct ctx {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
};

static int on_out(void *ctx, uint16_t port, const uint8_t *data, int size,
		  uint32_t count)
{
	(void)ctx;
	(void)data;
	(void)size;
	(void)count;
	if (port == PORT_DONE)
		return 1;
	return port == PORT_FAULT ? -EFAULT : 0;
}

static int on_hlt(void *ctx, int enabled)
{
	struct ctx *c = ctx;

	return enabled ? kvmc_interrupt(&c->vcpu, GUEST_IRQ_VECTOR) : -EFAULT;
}

static const struct kvmc_ops ops = { .out = on_out, .hlt = on_hlt };

static int ctx_open(struct ctx *c, int dev)
{
	int ret;

	ret = kvmc_vm_create(&c->vm, dev, GUEST_LOW_BYTES + RESULTS_BYTES,
			     KVMC_MEM_SMALL);
	if (ret)
		return ret;
	/* Faults on these pages are not what is measured. */
	memset(c->vm.mem, 0, c->vm.mem_bytes);
	ret = kvmc_vcpu_create(&c->vcpu, &c->vm, 0);
	if (ret)
		kvmc_vm_destroy(&c->vm);
	return ret;
}

static void ctx_close(struct ctx *c)
{
	kvmc_vcpu_destroy(&c->vcpu);
	kvmc_vm_destroy(&c->vm);
}

/* Let the guest do @p; its results are then at the start of its work area. */
static int ctx_go(struct ctx *c, struct guest_params p)
{
	int ret;

	p.results = GUEST_WORK_GPA;
	*c->vcpu.params = p;
	ret = kvmc_vcpu_payload(&c->vcpu);
	if (ret)
		return ret;
	ret = kvmc_serve(&c->vcpu, &ops, c);
	/*
	 * The OUT that said "done" is still pending; finish it, or the next
	 * registers that are set would be changed by it.
	 */
	c->vcpu.run->immediate_exit = 1;
	kvmc_run(&c->vcpu);
	c->vcpu.run->immediate_exit = 0;
	return ret == 1 ? 0 : ret;
}

/* Cost of the measuring itself: the smallest of many. */
static int overhead(struct ctx *c, uint64_t *ticks_min)
{
	const uint64_t *res = (void *)(c->vm.mem + GUEST_WORK_GPA);
	unsigned int i, n = 256;
	int ret;

	ret = ctx_go(c, (struct guest_params){ .op = GOP_NULL, .count = n });
	*ticks_min = UINT64_MAX;
	for (i = 0; !ret && i < n; i++)
		if (res[i] < *ticks_min)
			*ticks_min = res[i];
	return ret;
}

static void take(struct ctx *c, struct samples *s, unsigned int n,
		 uint64_t less)
{
	const uint64_t *res = (void *)(c->vm.mem + GUEST_WORK_GPA);
	unsigned int i;

	for (i = 0; i < n; i++)
		samples_add(s, res[i] > less ? res[i] - less : 0);
}

/**
 * bench_in_guest() - run @b->op in a guest @b->samples times
 * @b: the row
 * @dev: the device
 * @s: takes the samples
 */
int bench_in_guest(const struct bench *b, int dev, struct samples *s)
{
	unsigned int left = b->samples, n, max = RESULTS_BYTES / 8;
	uint64_t less;
	struct ctx c;
	int ret;

	ret = ctx_open(&c, dev);
	if (ret)
		return ret;
	ret = overhead(&c, &less);
	for (; !ret && left; left -= n) {
		n = left < max ? left : max;
		ret = ctx_go(&c, (struct guest_params){
			.op = b->op, .count = n, .arg = b->arg });
		if (!ret)
			take(&c, s, n, less);
	}
	ctx_close(&c);
	return ret;
}

/* One byte in each page, so that the host has them all. */
static void host_touch(uint8_t *mem, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i += 4096)
		((volatile uint8_t *)mem)[i] = 1;
}

static int touch_batch(const struct bench *b, struct ctx *c, uint8_t *mem,
		       size_t bytes, struct samples *s, uint64_t less)
{
	uint64_t n = bytes / b->stride, left = b->samples - s->seen;
	int ret;

	if (b->present)
		host_touch(mem, bytes);
	ret = kvmc_slot_set(&c->vm, TOUCH_SLOT, TOUCH_GPA, mem, bytes, 0);
	if (ret)
		return ret;
	if (n > left)
		n = left;
	ret = ctx_go(c, (struct guest_params){
		.op = GOP_TOUCH, .count = n, .base = TOUCH_GPA,
		.stride = b->stride });
	if (!ret)
		take(c, s, n, less);
	kvmc_slot_set(&c->vm, TOUCH_SLOT, TOUCH_GPA, mem, 0, 0);
	return ret;
}

/**
 * bench_touch() - first write of a guest to each page of some memory
 * @b: the row: page size, backing, and whether the host has the pages
 * @dev: the device
 * @s: takes the samples
 *
 * Fresh host memory and a fresh slot for each batch, so that every touch is
 * the first one.
 */
int bench_touch(const struct bench *b, int dev, struct samples *s)
{
	size_t bytes = b->stride > 4096 ? TOUCH_BATCH_2M : TOUCH_BATCH;
	uint8_t *mem;
	uint64_t less;
	struct ctx c;
	int ret;

	ret = ctx_open(&c, dev);
	if (ret)
		return ret;
	ret = overhead(&c, &less);
	while (!ret && s->seen < b->samples) {
		mem = kvmc_mem_alloc(bytes, b->backing);
		if (!mem) {
			ret = -errno;
			break;
		}
		ret = touch_batch(b, &c, mem, bytes, s, less);
		munmap(mem, bytes);
	}
	ctx_close(&c);
	return ret;
}
