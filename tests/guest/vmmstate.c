// SPDX-License-Identifier: GPL-2.0
/*
 * State of a vCPU that user space reads and sets, and paging modes.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "scene.h"

#define CR4_PAE		(1ull << 5)
#define CR0_PG		(1ull << 31)
#define EFER_LME_LMA	0x500ull

#define PTE_P_RW	3ull
#define PTE_PS		(1ull << 7)

/* --- extended state --------------------------------------------------------------- */

#define XMM0_OFFSET	160
#define XSTATE_BV	512
#define YMM_OFFSET	576
#define XCR0_AVX	7ull

#define ENABLE_AVX \
	"mov %cr4, %rax\nor $0x40600, %rax\nmov %rax, %cr4\n" \
	"xor %ecx, %ecx\nxor %edx, %edx\nmov $7, %eax\nxsetbv\n"

GUEST(ymm,
	ENABLE_AVX "vmovdqu 0x38000, %ymm0\n" SAY("a")
	"vmovdqu %ymm0, 0x38040\nxor %ecx, %ecx\nxgetbv\nmov %eax, %ebx\n" SAY("b") END);

static int has_avx(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AVX) && (c & bit_OSXSAVE);
}

static int check_xsave(struct scene *s, char c)
{
	int bytes = ioctl(s->vm.dev, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	const uint8_t *want = s->vm.mem + SCENE_DATA;
	struct kvm_xcrs xcrs;
	struct kvm_fpu fpu;
	uint8_t *buf, *again;

	if (c != 'a')
		return 0;
	if (bytes < (int)sizeof(struct kvm_xsave))
		return ktap_fail("KVM_CAP_XSAVE2 is %d", bytes);
	buf = calloc(2, bytes);
	again = buf + bytes;
	SCENE_DO(s, KVM_GET_XSAVE2, buf);
	SCENE_DO(s, KVM_GET_FPU, &fpu);
	SCENE_DO(s, KVM_GET_XCRS, &xcrs);
	if ((*(uint64_t *)(buf + XSTATE_BV) & 6) != 6)
		return ktap_fail("XSTATE_BV is %#llx", *(unsigned long long *)(buf + XSTATE_BV));
	if (memcmp(buf + XMM0_OFFSET, want, 16) || memcmp(buf + YMM_OFFSET, want + 16, 16) ||
	    memcmp(fpu.xmm[0], want, 16))
		return ktap_fail("YMM0 is not what the guest loaded");
	if (xcrs.nr_xcrs != 1 || xcrs.xcrs[0].value != XCR0_AVX)
		return ktap_fail("XCR0 is %#llx", xcrs.xcrs[0].value);
	memset(buf + XMM0_OFFSET, 0x11, 16);
	memset(buf + YMM_OFFSET, 0x22, 16);
	SCENE_DO(s, KVM_SET_XSAVE, buf);
	SCENE_DO(s, KVM_GET_XSAVE2, again);
	return memcmp(buf, again, bytes) ? ktap_fail("what was set is not what is read") : 0;
}

static int test_xsave2(void)
{
	struct kvm_regs regs;
	struct scene s;
	uint8_t *data;
	int i;

	if (!has_avx())
		return ktap_skip("no AVX here");
	scene_open(&s, ymm);
	data = s.vm.mem + SCENE_DATA;
	for (i = 0; i < 32; i++)
		data[i] = 0x40 + i;
	s.on = check_xsave;
	if (scene_end(&s, "ab"))
		return KTAP_FAIL;
	for (i = 0; i < 32; i++)
		if (data[64 + i] != (i < 16 ? 0x11 : 0x22))
			return ktap_fail("byte %d of YMM0 is %#x in the guest", i, data[64 + i]);
	scene_get_regs(&s, &regs);
	return regs.rbx == XCR0_AVX ? KTAP_PASS : ktap_fail("XCR0 is %#llx", regs.rbx);
}

static int test_xsave_refused(void)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1 };
	struct kvm_xsave *x = calloc(1, sizeof(*x));
	struct scene s;

	scene_open(&s, ymm);
	SCENE_DO(&s, KVM_GET_XSAVE, x);
	((uint64_t *)x)[XSTATE_BV / 8] |= 1ull << 62;
	if (!ioctl(s.vcpu.fd, KVM_SET_XSAVE, x) || errno != EINVAL)
		return ktap_fail("a component that there is not is taken");
	SCENE_DO(&s, KVM_GET_XSAVE, x);
	((uint32_t *)x)[6] = 0xffffffff;	/* MXCSR */
	((uint64_t *)x)[XSTATE_BV / 8] |= 3;
	if (!ioctl(s.vcpu.fd, KVM_SET_XSAVE, x) || errno != EINVAL)
		return ktap_fail("reserved bits of MXCSR are taken");
	xcrs.xcrs[0].value = 4;		/* AVX without x87 */
	if (!ioctl(s.vcpu.fd, KVM_SET_XCRS, &xcrs) || errno != EINVAL)
		return ktap_fail("XCR0 without x87 is taken");
	return KTAP_PASS;
}

/* --- address translation ------------------------------------------------------------- */

static int translates(struct scene *s, uint64_t linear, int valid, uint64_t physical,
		      const char *mode)
{
	struct kvm_translation tr = { .linear_address = linear };

	SCENE_DO(s, KVM_TRANSLATE, &tr);
	if (tr.valid == valid && (!valid || tr.physical_address == physical))
		return KTAP_PASS;
	return ktap_fail("%s: %#llx gives valid %u, %#llx", mode, (unsigned long long)linear,
			 tr.valid, tr.physical_address);
}

/*
 * Tables from 0x50000. PAE: root A maps 8 MiB to 2 MiB and 1 GiB to 2 MiB; root
 * B maps 8 MiB to 0; both the first 4 MiB to themselves. Two levels: the same as A's.
 */
#define PDPT_A	0x50020
#define PDPT_B	0x50040
#define PDPT_BAD 0x50060
#define PD_A	0x51000
#define PD_B	0x52000
#define PD_1G	0x53000
#define PD_1G_2	0x54000
#define PD_32	0x55000
#define PT_32	0x56000

#define WORD	0x38100
#define HIGH	0xaaaaaaaa	/* at 2 MiB + WORD */
#define LOW	0xbbbbbbbb	/* at WORD */

static uint64_t *table(struct scene *s, uint64_t gpa)
{
	return (uint64_t *)(s->vm.mem + gpa);
}

static void make_tables(struct scene *s)
{
	uint32_t *pd32 = (uint32_t *)(s->vm.mem + PD_32);
	uint32_t *pt32 = (uint32_t *)(s->vm.mem + PT_32);
	uint64_t i;

	table(s, PDPT_A)[0] = PD_A | 1;
	table(s, PDPT_A)[1] = PD_1G | 1;
	table(s, PDPT_B)[0] = PD_B | 1;
	table(s, PDPT_BAD)[0] = PD_B | 3;	/* R/W is reserved there */
	for (i = 0; i < 2; i++) {
		table(s, PD_A)[i] = i << 21 | PTE_P_RW | PTE_PS;
		table(s, PD_B)[i] = i << 21 | PTE_P_RW | PTE_PS;
	}
	table(s, PD_A)[4] = 1 << 21 | PTE_P_RW | PTE_PS;
	table(s, PD_B)[4] = PTE_P_RW | PTE_PS;
	table(s, PD_1G)[0] = 1 << 21 | PTE_P_RW | PTE_PS;
	table(s, PD_1G_2)[0] = PTE_P_RW | PTE_PS;
	pd32[0] = PTE_P_RW | PTE_PS;		/* 4 MiB */
	pd32[2] = PT_32 | PTE_P_RW;
	for (i = 0; i < 512; i++)
		pt32[i] = 1 << 21 | i << 12 | PTE_P_RW;
	*(uint32_t *)(s->vm.mem + (1 << 21) + WORD) = HIGH;
	*(uint32_t *)(s->vm.mem + WORD) = LOW;
}

/* A 32-bit segment, and what paging there is. */
static void set_paging(struct scene *s, uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
	struct kvm_sregs sregs;

	SCENE_DO(s, KVM_GET_SREGS, &sregs);
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	sregs.cr0 = 1 | cr0;
	sregs.cr3 = cr3;
	sregs.cr4 = cr4;
	sregs.efer = 0;
	SCENE_DO(s, KVM_SET_SREGS, &sregs);
}

GUEST(nothing, END);

static int test_translate(void)
{
	struct scene s;

	scene_open(&s, nothing);
	make_tables(&s);
	if (translates(&s, 0x20123, 1, 0x20123, "4 levels") ||
	    translates(&s, GUEST_MMIO_GPA + 8, 1, GUEST_MMIO_GPA + 8, "4 levels") ||
	    translates(&s, 1ull << 39, 0, 0, "4 levels"))
		return KTAP_FAIL;
	set_paging(&s, 0, 0, 0);
	if (translates(&s, 0x20123, 1, 0x20123, "no paging"))
		return KTAP_FAIL;
	set_paging(&s, CR0_PG, PDPT_A, CR4_PAE);
	if (translates(&s, 0x20123, 1, 0x20123, "PAE") ||
	    translates(&s, 0x800123, 1, 0x200123, "PAE") ||
	    translates(&s, 0x40000123, 1, 0x200123, "PAE") ||
	    translates(&s, 0x600123, 0, 0, "PAE") || translates(&s, 0x80000123, 0, 0, "PAE"))
		return KTAP_FAIL;
	set_paging(&s, CR0_PG, PD_32, 0x10);		/* PSE */
	return translates(&s, 0x20123, 1, 0x20123, "2 levels") ||
	       translates(&s, 0x805123, 1, 0x205123, "2 levels") ||
	       translates(&s, 0xa00123, 0, 0, "2 levels") ||
	       translates(&s, 0x400123, 0, 0, "2 levels");
}

/* --- PAE ---------------------------------------------------------------------------------- */

GUEST(pae,
	".code32\n"
	"mov %cr4, %eax\nor $0x20, %eax\nmov %eax, %cr4\n"
	"mov $0x50020, %eax\nmov %eax, %cr3\n"
	"mov %cr0, %eax\nor $0x80000000, %eax\nmov %eax, %cr0\njmp 1f\n"
	"1: mov 0x838100, %ebx\n" SAY("a")
	/* the entry in memory has changed, the processor's copy has not */
	"mov 0x40038100, %ecx\n" SAY("b")
	"mov %cr3, %eax\nmov %eax, %cr3\nmov 0x40038100, %edx\n"
	"mov $0x50040, %eax\nmov %eax, %cr3\nmov 0x838100, %esi\n" SAY("c") END
	".code64\n");

static int change_pdpte(struct scene *s, char c)
{
	struct kvm_sregs sregs;

	if (c == 'a')
		table(s, PDPT_A)[1] = PD_1G_2 | 1;
	if (c == 'c') {
		SCENE_DO(s, KVM_GET_SREGS, &sregs);
		if (sregs.cr3 != PDPT_B || !(sregs.cr0 & CR0_PG) || !(sregs.cr4 & CR4_PAE) ||
		    (sregs.efer & EFER_LME_LMA))
			return ktap_fail("CR3 %#llx CR0 %#llx CR4 %#llx", sregs.cr3, sregs.cr0,
					 sregs.cr4);
	}
	return 0;
}

static int test_pae(void)
{
	struct kvm_regs r;
	struct scene s;

	scene_open(&s, pae);
	make_tables(&s);
	set_paging(&s, 0, 0, 0);
	s.on = change_pdpte;
	if (scene_end(&s, "abc"))
		return KTAP_FAIL;
	scene_get_regs(&s, &r);
	if (r.rbx != HIGH || r.rcx != HIGH || r.rdx != LOW || r.rsi != LOW)
		return ktap_fail("%#llx %#llx %#llx %#llx", r.rbx, r.rcx, r.rdx, r.rsi);
	return KTAP_PASS;
}

GUEST(pae_bad,
	".code32\n" SAY("a") "mov $0x50060, %eax\nmov %eax, %cr3\n" SAY("b") END ".code64\n");

static int test_pae_bad(void)
{
	struct scene s;
	int ret;

	scene_open(&s, pae_bad);
	make_tables(&s);
	set_paging(&s, CR0_PG, PDPT_A, CR4_PAE);
	/* #GP without a handler */
	ret = scene_run(&s);
	return ret == KVM_EXIT_SHUTDOWN && !strcmp(s.said, "a") ? KTAP_PASS :
	       ktap_fail("ended with %d, '%s'", ret, s.said);
}

/* --- MSRs of two guests and the host's, in turns on one CPU -------------------------------- */

/*
 * RBX: the guest's own number, from which all its values follow. Port 0xe3 each
 * round; 0xe4 with a letter when a value is not its own.
 */
#define WRMSR(index, low) \
	"mov $" index ", %ecx\n" low "xor %edx, %edx\nwrmsr\n"
#define MUST(jump, letter)	jump " 8f\nmov $'" letter "', %al\nout %al, $0xe4\n8:\n"

GUEST(msrs,
	"mov $0xc0000080, %ecx\nrdmsr\nor $1, %eax\nwrmsr\n"
	WRMSR("0xc0000081", "mov %ebx, %eax\n")		/* STAR, low half unused */
	"mov $8, %edx\nmov $0xc0000081, %ecx\nmov %ebx, %eax\nwrmsr\n"
	WRMSR("0xc0000082", "lea 5f(%rip), %eax\n")	/* LSTAR */
	WRMSR("0xc0000084", "mov $0x200, %eax\n")	/* FMASK: IF */
	WRMSR("0xc0000103", "mov %ebx, %eax\n")		/* TSC_AUX */
	WRMSR("0xc0000102", "lea 1(%ebx), %eax\n")	/* KERNEL_GS_BASE */
	WRMSR("0x174", "lea 2(%ebx), %eax\n")		/* SYSENTER_CS */
	WRMSR("0x277", "mov $0x00070106, %eax\n")	/* PAT */
	"1: out %al, $0xe3\n"
	"rdtscp\ncmp %ebx, %ecx\n" MUST("je", "a")
	"mov $0xc0000102, %ecx\nrdmsr\ndec %eax\ncmp %ebx, %eax\n" MUST("je", "g")
	"mov $0x174, %ecx\nrdmsr\nsub $2, %eax\ncmp %ebx, %eax\n" MUST("je", "s")
	"mov $0xc0000081, %ecx\nrdmsr\ncmp %ebx, %eax\n" MUST("je", "S")
	"mov $0x277, %ecx\nrdmsr\ncmp $0x00070106, %eax\n" MUST("je", "p")
	"sti\nxor %esi, %esi\nsyscall\n"
	"cmp $7, %esi\n" MUST("je", "l")
	"jmp 1b\n"
	/* SYSCALL comes here; not SYSRET, which would go to ring 3 */
	"5: mov $7, %esi\npushf\ntestl $0x200, (%rsp)\n" MUST("jz", "f")
	"popf\nmov %cs, %eax\ncmp $8, %eax\n" MUST("je", "c")
	"jmp *%rcx\n");

static int msr_round(struct scene *s)
{
	struct kvm_run *run = s->vcpu.run;
	int ret = kvmc_run(&s->vcpu);

	if (ret == KVM_EXIT_IO && run->io.port == 0xe3)
		return KTAP_PASS;
	return ktap_fail("ended with %d, port %#x, '%c'", ret, run->io.port,
			 *((char *)run + run->io.data_offset));
}

static uint32_t tsc_aux(void)
{
	uint32_t aux;

	asm volatile("rdtscp" : "=c"(aux) : : "eax", "edx");
	return aux;
}

/** run_msr_guests() - @rounds of two guests in turns; KTAP_* */
int run_msr_guests(unsigned int rounds)
{
	struct kvm_regs regs;
	struct scene s[2];
	uint32_t aux;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		scene_open(&s[i], msrs);
		scene_get_regs(&s[i], &regs);
		regs.rbx = 0x1000 * (i + 1);
		SCENE_DO(&s[i], KVM_SET_REGS, &regs);
	}
	aux = tsc_aux();
	for (i = 0; i < 2 * rounds; i++) {
		if (msr_round(&s[i & 1]))
			return KTAP_FAIL;
		if (tsc_aux() != aux)
			return ktap_fail("round %u: the host's TSC_AUX is %#x", i, tsc_aux());
	}
	for (i = 0; i < 2; i++) {
		kvmc_vcpu_destroy(&s[i].vcpu);
		kvmc_vm_destroy(&s[i].vm);
	}
	return KTAP_PASS;
}

/* A rate that a crystal cannot tell from the host's is the host's: it needs no scaling. */
static int test_tsc_near(void)
{
	int dev = kvmc_dev_open(NULL), host, khz;
	struct kvmc_vcpu vcpu;
	struct kvmc_vm vm;

	if (scene_is_peer())
		return ktap_skip("KVM gives back the number that was set");
	if (dev < 0 || kvmc_vm_create(&vm, dev, 4 << 20, KVMC_MEM_SMALL))
		return ktap_fail("no VM");
	host = ioctl(vm.fd, KVM_GET_TSC_KHZ, 0);
	if (host <= 0)
		return ktap_fail("KVM_GET_TSC_KHZ: %d, %s", host, strerror(errno));
	if (ioctl(vm.fd, KVM_SET_TSC_KHZ, host + 1ul))
		return ktap_fail("KVM_SET_TSC_KHZ of host + 1: %s", strerror(errno));
	if (kvmc_vcpu_create(&vcpu, &vm, 0))
		return ktap_fail("no vCPU");
	khz = ioctl(vcpu.fd, KVM_GET_TSC_KHZ, 0);
	kvmc_vcpu_destroy(&vcpu);
	kvmc_vm_destroy(&vm);
	return khz == host ? KTAP_PASS : ktap_fail("the vCPU's is %d, not %d", khz, host);
}

const struct ktap_test state_tests[] = {
	{ "KVM_GET_XSAVE2, KVM_SET_XSAVE, KVM_GET_XCRS and the guest agree", test_xsave2 },
	{ "extended state that there is not is refused", test_xsave_refused },
	{ "KVM_TRANSLATE: none, 2 levels, PAE, 4 levels", test_translate },
	{ "PAE guest: PDPTEs are loaded when CR3 is, and not else", test_pae },
	{ "PAE guest: a reserved bit in a PDPTE is #GP", test_pae_bad },
	{ "TSC rate near the host's is the host's", test_tsc_near },
	{ }
};
