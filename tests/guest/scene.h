/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenes: a few instructions of a guest, written beside the test that watches
 * them. The guest says characters; for each, and for each exception or interrupt
 * that it takes, the test may act. At the end what was said is compared.
 *
 * The guest is in 64-bit mode (kvmboot.c) at SCENE_CODE. Its handlers note in
 * SCENE_LOG what they saw. After faults (#UD, #GP, #PF) they skip as many bytes
 * as scene_skip() said.
 */
#ifndef VMM_TEST_SCENE_H
#define VMM_TEST_SCENE_H

#include "kvmclient.h"
#include "ktap.h"

#define SCENE_CODE	0x20000
#define SCENE_LOG	0x30000
#define SCENE_DATA	0x38000		/* for the guest's own use, 32 KiB */
#define SCENE_IRQ	0x50

/* In guest code; they change AL. */
#define SAY(c)	"mov $'" c "', %al\nout %al, $0xe0\n"
#define END	"out %al, $0xe1\n"

/* Guest code; labels in it that tests name begin with the name. */
#define GUEST(name, code) \
	extern const uint8_t name##_start[], name##_end[]; \
	asm(".pushsection .rodata\n" #name "_start:\n" code #name "_end:\n" \
	    ".popsection\n")
#define LABEL(name)	extern const uint8_t name[]

/**
 * struct scene_event - an exception or interrupt that the guest took
 * @vector: its vector
 * @error: its error code, 0 without one
 * @rip: where the guest was, or will go on
 * @rflags: its flags as pushed
 * @rbx: RBX then
 * @cr2: CR2 then
 * @dr6: DR6, with #DB only
 * @rsp: RSP then
 */
struct scene_event {
	uint64_t vector, error, rip, rflags, rbx, cr2, dr6, rsp;
};

/**
 * struct scene - a VM with one vCPU and what was heard of it
 * @vm: the machine
 * @vcpu: its vCPU
 * @start: the code as it lies here
 * @on: called for each character said; NULL: nobody. 0, or what ends scene_run()
 * @said: characters in order: those of SAY(), and for a vector D (#DB), N (NMI),
 *        B (#BP), U (#UD), G (#GP), P (#PF), I (SCENE_IRQ), ? (others)
 * @len: how many
 * @mmio: MMIO exits seen; reads get 0x5a in each byte
 * @number: the test's own
 */
struct scene {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	const uint8_t *start;
	int (*on)(struct scene *s, char c);
	char said[64];
	unsigned int len;
	unsigned int mmio;
	unsigned int number;
};

#define scene_open(s, name) scene_open_code(s, name##_start, name##_end)

int scene_open_code(struct scene *s, const uint8_t *start, const uint8_t *end);
int scene_run(struct scene *s);
int scene_end(struct scene *s, const char *want);
int scene_settle(struct scene *s);
void scene_lose_mappings(struct scene *s);
void scene_skip(struct scene *s, uint64_t bytes);
uint64_t scene_gpa(const struct scene *s, const uint8_t *label);
uint64_t scene_events(const struct scene *s);
struct scene_event *scene_event(const struct scene *s, unsigned int n);
int scene_is_peer(void);
void scene_get_regs(struct scene *s, struct kvm_regs *regs);
void scene_get_events(struct scene *s, struct kvm_vcpu_events *e);
void scene_set_events(struct scene *s, struct kvm_vcpu_events *e);

/* An ioctl that must succeed, or the test has failed. */
void scene_do(int fd, unsigned long request, void *arg, const char *name);
#define SCENE_DO(s, request, arg) \
	scene_do((s)->vcpu.fd, request, (void *)(uintptr_t)(arg), #request)

extern const struct ktap_test event_tests[], debug_tests[], state_tests[],
	host_tests[], memory_tests[];

#endif
