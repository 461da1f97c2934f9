// SPDX-License-Identifier: GPL-2.0
/*
 * IN, OUT, INS, OUTS: all ports are user space's.
 *
 * The processor has checked IOPL and the I/O permission bitmap of the guest's
 * TSS before the exit.
 */
#include "exit/exit.h"

/* Exit qualification of I/O instructions */
#define IO_SIZE(qual)		(((qual) & 7) + 1)
#define IO_IN			BIT(3)
#define IO_STRING		BIT(4)
#define IO_REP			BIT(5)
#define IO_PORT(qual)		(((qual) >> 16) & 0xffff)
/* Instruction information of INS and OUTS */
#define INFO_ADDR_SIZE(info)	(2 << (((info) >> 7) & 3))
#define INFO_SEGMENT(info)	(((info) >> 15) & 7)

/** exit_io() - a port access */
int exit_io(struct vmm_vcpu *vcpu)
{
	unsigned long qual = vmx_qualification();
	bool in = qual & IO_IN;
	enum vmm_seg seg = VMM_ES;
	u32 info;

	if (likely(!(qual & IO_STRING)))
		return vmm_pio(vcpu, IO_PORT(qual), IO_SIZE(qual), in);
	info = vmcs_read32(VMX_INSTRUCTION_INFO);
	/* INS always stores through ES; OUTS may have a prefix. */
	if (!in)
		seg = INFO_SEGMENT(info) <= VMM_GS ? INFO_SEGMENT(info) : VMM_DS;
	return vmm_pio_string(vcpu, IO_PORT(qual), IO_SIZE(qual), in, qual & IO_REP,
			      INFO_ADDR_SIZE(info), seg);
}
