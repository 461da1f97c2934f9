// SPDX-License-Identifier: GPL-2.0
/*
 * Weighted max-min fair shares of some pCPUs among vCPUs.
 *
 * Everybody's share grows in proportion to his weight until something stops
 * him: he wants no more, he has a whole pCPU (a vCPU cannot use two), or a set
 * of pCPUs that he may not leave is full. For every set of pCPUs, those who may
 * run nowhere else cannot get more than the set holds; as this is the only other
 * limit, growing step by step to the nearest limit gives the max-min shares. The
 * sets are all enumerated: there are at most 2^PCPUS_MAX.
 */
#include "demo.h"

#define TINY	1e-9

struct filling {
	const struct guest *guests;
	const double *demand;
	double *share;
	int count;
	unsigned int all;
	int frozen[GUESTS_MAX];
};

static unsigned int allowed(const struct filling *f, int i)
{
	unsigned int mask = f->guests[i].pcpus & f->all;

	return mask ? mask : f->all;
}

/* How much further everybody can grow per unit of weight inside @set. */
static double room(const struct filling *f, unsigned int set)
{
	double left = __builtin_popcount(set), weight = 0;
	int i;

	for (i = 0; i < f->count; i++) {
		if (allowed(f, i) & ~set)
			continue;
		left -= f->share[i];
		if (!f->frozen[i])
			weight += f->guests[i].weight;
	}
	return weight > 0 ? left / weight : 1e9;
}

static double own_room(const struct filling *f, int i)
{
	double limit = f->demand[i] < 1 ? f->demand[i] : 1;

	return (limit - f->share[i]) / f->guests[i].weight;
}

static double nearest_limit(const struct filling *f)
{
	double step = 1e9, r;
	unsigned int set;
	int i;

	for (set = 1; set <= f->all; set++) {
		r = room(f, set);
		step = r < step ? r : step;
	}
	for (i = 0; i < f->count; i++) {
		if (f->frozen[i])
			continue;
		r = own_room(f, i);
		step = r < step ? r : step;
	}
	return step > 0 ? step : 0;
}

/* Stop those who have reached a limit; how many still grow. */
static int freeze(struct filling *f)
{
	unsigned int set;
	int i, growing = 0;

	for (i = 0; i < f->count; i++)
		if (!f->frozen[i] && own_room(f, i) < TINY)
			f->frozen[i] = 1;
	for (set = 1; set <= f->all; set++) {
		if (room(f, set) >= TINY)
			continue;
		for (i = 0; i < f->count; i++)
			if (!(allowed(f, i) & ~set))
				f->frozen[i] = 1;
	}
	for (i = 0; i < f->count; i++)
		growing += !f->frozen[i];
	return growing;
}

/**
 * share_max_min() - weighted max-min fair shares
 * @guests: weight and allowed pCPUs of each
 * @count: how many
 * @pcpus: number of pCPUs
 * @demand: what each can use, in pCPUs; 1 or more for one that always runs
 * @share: filled in, in pCPUs
 */
void share_max_min(const struct guest *guests, int count, int pcpus,
		   const double *demand, double *share)
{
	struct filling f = {
		.guests = guests,
		.demand = demand,
		.share = share,
		.count = count,
		.all = (1u << pcpus) - 1,
	};
	double step;
	int i;

	for (i = 0; i < count; i++)
		share[i] = 0;
	do {
		step = nearest_limit(&f);
		for (i = 0; i < count; i++)
			if (!f.frozen[i])
				share[i] += step * guests[i].weight;
	} while (freeze(&f));
}
