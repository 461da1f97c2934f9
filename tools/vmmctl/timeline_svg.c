// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched timeline: as a picture, one SVG file without anything outside of it.
 *
 * From the top: a legend; for each pCPU a thin strip in the colour of the scheduler
 * that decides there and below it who runs; for each vCPU what it does; a scale of
 * time. A change of scheduler is a line through all, with what it cost. A rectangle
 * tells its figures when the pointer is over it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timeline.h"

#define WIDTH		1500
#define LEFT		150
#define RIGHT		30
#define PCPU_HEIGHT	34
#define VCPU_HEIGHT	18
#define GAP		8
#define STRIP		6
#define TOP		96
#define COLOURS		12

/* Told apart by hue and by brightness, also by those who see few colours. */
static const char * const colours[COLOURS] = {
	"#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377",
	"#997700", "#004488", "#ee99aa", "#6699cc", "#994455", "#44aa99",
};

static const char * const sched_colours[] = {
	"#222222", "#dd7700", "#0077bb", "#558800", "#773399", "#cc0077",
};

/** struct picture - where things are */
struct picture {
	const struct timeline *t;
	FILE *f;
	double scale;		/* pixels for each ns */
	int vcpus_top, bottom;
	const char *scheds[16];	/* names in the order of their colours */
	int nr_scheds;
};

static double x_of(const struct picture *p, uint64_t at)
{
	return LEFT + (at > p->t->begin ? at - p->t->begin : 0) * p->scale;
}

static int y_pcpu(const struct picture *p, uint32_t pcpu)
{
	(void)p;
	return TOP + pcpu * (PCPU_HEIGHT + GAP);
}

static int y_vcpu(const struct picture *p, int vcpu)
{
	return p->vcpus_top + vcpu * (VCPU_HEIGHT + 4);
}

/* A VM's name may hold anything that prints, and what does not becomes "?". */
static void text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc((unsigned char)*s < ' ' || (unsigned char)*s > '~' ? '?' : *s, f);
			break;
		}
	}
}

static const char *vm_colour(const struct tl_vcpu *v)
{
	return colours[v->colour % COLOURS];
}

static const char *sched_colour(struct picture *p, const char *name)
{
	int i;

	for (i = 0; i < p->nr_scheds; i++)
		if (!strcmp(p->scheds[i], name))
			break;
	if (i == p->nr_scheds) {
		if (i == 16)
			return sched_colours[0];
		p->scheds[p->nr_scheds++] = name;
	}
	return sched_colours[i % (sizeof(sched_colours) / sizeof(sched_colours[0]))];
}

static void rect(const struct picture *p, uint64_t begin, uint64_t end, int y, int height,
		 const char *fill, const char *more)
{
	double x = x_of(p, begin), w = x_of(p, end) - x;

	fprintf(p->f, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\"%s>", x, y,
		w < 0.05 ? 0.05 : w, height, fill, more);
}

/* --- parts ------------------------------------------------------------------------------ */

static void head(const struct picture *p)
{
	const struct timeline *t = p->t;

	fprintf(p->f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
		"<defs><pattern id=\"wait\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"#f3f3f3\"/><rect width=\"1.5\" height=\"5\" fill=\"#999\"/></pattern></defs>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"%d\" y=\"22\" font-size=\"16\">Who ran when: %.1f ms, %u pCPUs, %zu vCPUs%s</text>\n",
		WIDTH, p->bottom + 60, WIDTH, p->bottom + 60, LEFT, (t->end - t->begin) / 1e6,
		t->nr_pcpus, t->vcpus.n, t->lost ? " (events were lost before)" : "");
}

static void legend(const struct picture *p)
{
	const struct timeline *t = p->t;
	int x = LEFT;
	size_t i;

	for (i = 0; i < t->vcpus.n; i++) {
		const struct tl_vcpu *v = &t->vcpus.v[i];

		if (i && v->colour == v[-1].colour)
			continue;
		if (x > WIDTH - 180)
			break;		/* the rows below have their names too */
		fprintf(p->f, "<rect x=\"%d\" y=\"34\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"44\">",
			x, vm_colour(v), x + 16);
		text(p->f, v->vm);
		fprintf(p->f, " (weight %u)</text>\n", v->weight);
		x += 120 + 7 * (int)strlen(v->vm);
	}
	fprintf(p->f, "<g fill=\"#444\"><text x=\"%d\" y=\"62\">vCPU rows: full colour runs,</text>"
		"<rect x=\"%d\" y=\"52\" width=\"22\" height=\"12\" fill=\"url(#wait)\"/><text x=\"%d\" y=\"62\">waits for a pCPU,</text>"
		"<rect x=\"%d\" y=\"52\" width=\"22\" height=\"12\" fill=\"#000\"/><text x=\"%d\" y=\"62\">the host has the CPU, empty: halted or not there</text></g>\n",
		LEFT, LEFT + 172, LEFT + 200, LEFT + 310, LEFT + 338);
}

static double nice_step(double ns)
{
	double step = 1;

	while (step * 10 <= ns)
		step *= 10;
	return ns <= step * 2 ? step * 2 : ns <= step * 5 ? step * 5 : step * 10;
}

static void scale(const struct picture *p)
{
	uint64_t length = p->t->end - p->t->begin;
	double step = nice_step(length / 12.0), at;

	for (at = 0; at <= length; at += step)
		fprintf(p->f, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#444\">%g ms</text>\n",
			LEFT + at * p->scale, TOP - 4, LEFT + at * p->scale, p->bottom,
			LEFT + at * p->scale, p->bottom + 16, at / 1e6);
}

static void labels(const struct picture *p)
{
	const struct timeline *t = p->t;
	uint32_t k;
	size_t i;

	for (k = 0; k < t->nr_pcpus; k++)
		fprintf(p->f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">pCPU %u</text>\n", LEFT - 10,
			y_pcpu(p, k) + 24, k);
	for (i = 0; i < t->vcpus.n; i++) {
		fprintf(p->f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 10,
			y_vcpu(p, i) + 13);
		text(p->f, t->vcpus.v[i].vm);
		fprintf(p->f, "/%u</text>\n", t->vcpus.v[i].index);
	}
}

static void tell(const struct picture *p, const struct tl_span *s)
{
	const struct tl_vcpu *v = &p->t->vcpus.v[s->vcpu];

	fprintf(p->f, "<title>");
	text(p->f, v->vm);
	fprintf(p->f, "/%u %s %.1f us on pCPU %u, weight %u", v->index, tl_state_names[s->state],
		(s->end - s->begin) / 1e3, s->pcpu, v->weight);
	if (s->state == TL_RUNNING && s->slice && s->slice != UINT64_MAX)
		fprintf(p->f, ", slice %.1f us", s->slice / 1e3);
	if (s->state == TL_RUNNING && s->sched) {
		fprintf(p->f, ", picked by ");
		text(p->f, s->sched);
	}
	if (*s->why)
		fprintf(p->f, ", %s %s", s->state == TL_WAITING ? "since" : "until", s->why);
	fprintf(p->f, "</title></rect>\n");
}

static void spans(const struct picture *p)
{
	const struct tl_span *s;

	for (s = p->t->spans.v; s < p->t->spans.v + p->t->spans.n; s++) {
		const char *fill = vm_colour(&p->t->vcpus.v[s->vcpu]);

		if (s->state == TL_WAITING || s->state == TL_OFFERED)
			fill = "url(#wait)";
		else if (s->state == TL_HOST)
			fill = "#000";
		else if (s->state != TL_RUNNING)
			continue;
		rect(p, s->begin, s->end, y_vcpu(p, s->vcpu), VCPU_HEIGHT, fill, "");
		tell(p, s);
		if (s->state != TL_RUNNING && s->state != TL_HOST)
			continue;
		rect(p, s->begin, s->end, y_pcpu(p, s->pcpu) + STRIP + 2, PCPU_HEIGHT - STRIP - 2, fill,
		     "");
		tell(p, s);
	}
}

static void reigns(struct picture *p)
{
	const struct tl_piece *r;
	int i, x = LEFT;

	for (r = p->t->reigns.v; r < p->t->reigns.v + p->t->reigns.n; r++) {
		rect(p, r->begin, r->end, y_pcpu(p, r->pcpu), STRIP, sched_colour(p, r->to), "");
		fprintf(p->f, "<title>");
		text(p->f, r->to);
		fprintf(p->f, " decides</title></rect>\n");
	}
	fprintf(p->f, "<text x=\"%d\" y=\"80\" fill=\"#444\">thin strips: who decides</text>\n", x);
	x += 150;
	for (i = 0; i < p->nr_scheds; i++) {
		fprintf(p->f, "<rect x=\"%d\" y=\"72\" width=\"22\" height=\"%d\" fill=\"%s\"/><text x=\"%d\" y=\"80\">",
			x, STRIP, sched_colour(p, p->scheds[i]), x + 28);
		text(p->f, p->scheds[i]);
		fprintf(p->f, "</text>\n");
		x += 50 + 8 * (int)strlen(p->scheds[i]);
	}
}

static void line(const struct picture *p, uint64_t at, const char *colour, int row)
{
	double x = x_of(p, at);
	bool left = x > WIDTH - 380;

	fprintf(p->f, "<line x1=\"%.2f\" y1=\"%d\" x2=\"%.2f\" y2=\"%d\" stroke=\"%s\" stroke-width=\"1.5\"/>",
		x, TOP - 4, x, p->bottom + 20 + row * 14, colour);
	fprintf(p->f, "<text x=\"%.1f\" y=\"%d\" fill=\"%s\" text-anchor=\"%s\" class=\"mark\">",
		left ? x - 4 : x + 4, p->bottom + 30 + row * 14, colour, left ? "end" : "start");
}

static void marks(const struct picture *p)
{
	const struct tl_mark *m;
	int row = 0;

	for (m = p->t->marks.v; m < p->t->marks.v + p->t->marks.n; m++) {
		switch (m->kind) {
		case TL_EV_CEASE:
			rect(p, m->at, m->end, TOP - 4, p->bottom - TOP + 4, "#d00", " opacity=\"0.15\"");
			fprintf(p->f, "<title>all vCPUs out for %.1f us</title></rect>\n",
				(m->end - m->at) / 1e3);
			break;
		case TL_EV_SWAP:
			line(p, m->at, "#d00", row++ % 2);
			text(p->f, m->from);
			fprintf(p->f, " &#8594; ");
			text(p->f, m->to);
			fprintf(p->f, ", a queue was closed for %.1f us at most</text>\n", m->pause_ns / 1e3);
			break;
		case TL_EV_BREACH:
			line(p, m->at, "#a0a", row++ % 2);
			text(p->f, m->from);
			fprintf(p->f, " thrown out: it ");
			text(p->f, m->text);
			fprintf(p->f, "</text>\n");
			break;
		case TL_EV_DISPATCH:
			line(p, m->at, "#06a", row++ % 2);
			fprintf(p->f, "dispatch by %s</text>\n", m->text);
			break;
		default:
			fprintf(p->f, "<circle cx=\"%.2f\" cy=\"%d\" r=\"2\" fill=\"#d00\"><title>an offer was not taken</title></circle>\n",
				x_of(p, m->at), y_pcpu(p, m->pcpu) + PCPU_HEIGHT);
			break;
		}
	}
}

static void flips(const struct picture *p)
{
	const struct tl_piece *x;

	for (x = p->t->flips.v; x < p->t->flips.v + p->t->flips.n; x++) {
		rect(p, x->begin, x->end, y_pcpu(p, x->pcpu) - 3, PCPU_HEIGHT + 6, "#d00",
		     " class=\"pause\"");
		fprintf(p->f, "<title>pCPU %u: queue closed for %.1f us</title></rect>\n", x->pcpu,
			(x->end - x->begin) / 1e3);
	}
}

/** tl_write_svg() - the whole as a picture */
void tl_write_svg(const struct timeline *t, FILE *f)
{
	struct picture p = { .t = t, .f = f };
	uint64_t length = t->end > t->begin ? t->end - t->begin : 1;

	p.scale = (double)(WIDTH - LEFT - RIGHT) / length;
	p.vcpus_top = y_pcpu(&p, t->nr_pcpus) + GAP;
	p.bottom = y_vcpu(&p, t->vcpus.n);
	head(&p);
	legend(&p);
	scale(&p);
	labels(&p);
	spans(&p);
	reigns(&p);
	flips(&p);
	marks(&p);
	fprintf(f, "</svg>\n");
}
