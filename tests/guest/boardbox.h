/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine for the tests of the board: the guest does what a list says (board.h)
 * while a thread of ours drives lines and eventfds.
 *
 * What has to succeed and does not ends the test's process. Threads: the list is
 * written before the guest runs; board_irqs() may be asked at any time.
 */
#ifndef VMM_TEST_BOARDBOX_H
#define VMM_TEST_BOARDBOX_H

#include <pthread.h>

#include "board.h"
#include "ktap.h"
#include "kvmclient.h"

#define BOARD_APIC	0xfee00000ull
#define BOARD_IOAPIC	0xfec00000ull

/**
 * struct board_box - a VM, its list, and what came to us
 * @vm: the machine
 * @vcpu: its processor
 * @thread: runs it
 * @result: what kvmc_serve() said
 * @n: operations in the list so far
 * @outs: port writes that reached us
 * @mmios: memory writes that reached us
 * @last: the value of the last of either
 */
struct board_box {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	pthread_t thread;
	int result;
	unsigned int n;
	unsigned int outs, mmios;
	uint64_t last;
};

/* board_guest.c as bytes */
extern const uint8_t board_start[], board_end[];

void board_die(const char *what);
int board_do(struct board_box *b, unsigned long cmd, void *arg);
void board_must(struct board_box *b, const char *what, unsigned long cmd, void *arg);
struct board_counts *board_counts(struct board_box *b);
struct board_op *board_op(struct board_box *b, unsigned int kind, unsigned int size, uint64_t addr,
			  uint64_t value);
void board_outb(struct board_box *b, uint16_t port, uint8_t val);
void board_pic(struct board_box *b, uint8_t mask, uint8_t slave_mask);
void board_apic(struct board_box *b);
void board_redir(struct board_box *b, unsigned int pin, uint32_t low);
void board_open_vm(struct board_box *b);
void board_open_vcpu(struct board_box *b);
void board_open(struct board_box *b);
int board_finish(struct board_box *b);
int board_run(struct board_box *b);
void board_nap(unsigned int ms);
void board_launch(struct board_box *b);
unsigned int board_irqs(struct board_box *b, unsigned int vector);
int board_await(struct board_box *b, unsigned int vector, unsigned int n);
int board_eventfd(void);
void board_ring(int fd);
uint64_t board_rung(int fd);
int board_irqfd(struct board_box *b, int fd, unsigned int gsi, unsigned int flags, int resample);
int board_bell(struct board_box *b, int fd, uint64_t addr, unsigned int len, unsigned int flags,
	       uint64_t match);
int board_line(struct board_box *b, unsigned int gsi, unsigned int level);

#endif
