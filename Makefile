# SPDX-License-Identifier: GPL-2.0
# The verbs. Objects are in Kbuild; "make help" lists what can be done.
#
# KERNEL=test|debug|stock|stock-6.12|host chooses the kernel that modules are
# built for: those of the test machine (tests/vm), or the one that runs here.

SHELL	:= /bin/bash
KERNEL	?= host
KDIR	?= /lib/modules/$(shell uname -r)/build
O	?= $(CURDIR)/build
PREFIX	?= /usr/local

MODULES	:= sched_iface vmm_core sched_rr sched_bvt sched_credit sched_edf sched_lottery

.DEFAULT_GOAL := all
.PHONY: all modules tools load unload demo check check-all kunit selftest bench \
	style new-scheduler sched-conformance install uninstall clean help

all: modules tools

modules:
ifeq ($(KERNEL),host)
	@scripts/deps build
	$(MAKE) -C $(KDIR) M=$(CURDIR) W=1 modules
else
	@scripts/deps build vm
	scripts/build-modules -v $(KERNEL)
endif

tools:
	@scripts/deps build tools
	$(MAKE) -C tools/vmmctl O=$(O)/tools/vmmctl

load:
	modprobe vmm_core 2>/dev/null || { insmod sched_iface/sched_iface.ko && insmod vmm_core/vmm_core.ko; }

# In the order of their dependences; one that is in use says so and stays.
unload:
	@for m in vmm_core sched_lottery sched_edf sched_credit sched_bvt sched_rr sched_iface; do \
		[ ! -d /sys/module/$$m ] || rmmod $$m || exit 1; done

demo:
	@demo/run

check:
	@tests/check

check-all:
	@tests/check --all

kunit:
	@tests/check kunit

selftest:
	@tests/check kselftest

bench:
	@tests/bench/run

style:
	@tests/style/run

# For who writes a scheduler: Documentation/writing-a-scheduler.rst. make puts what stands on
# its command line into the environment: so spaces and quotes stay what they are.
new-scheduler:
	@scripts/new-scheduler "$$NAME" $${DIR:+"$$DIR"}

sched-conformance:
	@scripts/deps build vm tools clients
	@tests/conformance/run "$$MODULE"

install: modules tools
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install
	install -D -m 755 $(O)/tools/vmmctl/vmmctl $(DESTDIR)$(PREFIX)/sbin/vmmctl
	install -D -m 644 tools/completion/vmmctl \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vmmctl
	install -D -m 644 scripts/vmm.modprobe.conf $(DESTDIR)/etc/modprobe.d/vmm.conf
	depmod -a

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/vmmctl $(DESTDIR)/etc/modprobe.d/vmm.conf \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vmmctl
	for m in $(MODULES); do find /lib/modules/$$(uname -r) -name $$m.ko\* -delete; done
	depmod -a

clean:
	rm -rf build
	find . -path ./.git -prune -o \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o \
		-name '*.mod.c' -o -name '.*.cmd' -o -name modules.order -o \
		-name Module.symvers \) -print | xargs -r rm -f

help:
	@echo 'make demo        guests under schedulers that change while they run (2 to 3 minutes;'
	@echo '                 the first time 15 more, to build the test machine)'
	@echo 'make check       all tests but the long ones (20 minutes, the first time 15 to 20 more)'
	@echo 'make check-all   all tests'
	@echo 'make bench       this hypervisor beside kvm_intel; writes bench.json'
	@echo 'make kunit, make selftest, make style: parts of make check'
	@echo 'make new-scheduler NAME=x [DIR=path]  a scheduler of your own to begin with: it builds,'
	@echo '                 loads and passes; see Documentation/writing-a-scheduler.rst'
	@echo 'make sched-conformance MODULE=path.ko  does a scheduler module keep the contract?'
	@echo 'make modules [KERNEL=test|debug|stock|stock-6.12]  modules for this kernel or another one'
	@echo 'make tools       vmmctl'
	@echo 'make load, make unload      the modules, on this machine (needs VMX)'
	@echo 'make install, make uninstall, make clean'
	@echo 'tests/vm/run --help         run any command on the test machine'
