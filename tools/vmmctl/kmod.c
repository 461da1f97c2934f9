// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl: loading and unloading schedulers' modules, through libkmod.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "vmmctl.h"

/*
 * libkmod brings libcrypto with it, which takes the dynamic linker ten times as long as the
 * rest of a command takes. So it is loaded by the commands that need it.
 */
#define FUNCTIONS(f)						\
	f(new) f(unref) f(set_log_fn)				\
	f(module_new_from_path) f(module_new_from_name)		\
	f(module_new_from_lookup) f(module_unref)		\
	f(module_unref_list) f(module_get_module)		\
	f(module_get_path) f(module_insert_module)		\
	f(module_probe_insert_module) f(module_remove_module)

#define MEMBER(name) __typeof__(kmod_##name) *name;
static struct {
	FUNCTIONS(MEMBER)
} kmod;

static bool load_library(void)
{
	void *lib = dlopen("libkmod.so.2", RTLD_NOW);
	bool found = true;

	if (!lib)
		return false;
#define FIND(fn)					\
	kmod.fn = dlsym(lib, "kmod_" #fn);		\
	found = found && kmod.fn;
	FUNCTIONS(FIND)
	return found;
}

/* libkmod's own words would come on stderr beside ours. */
static void silent(void *data, int priority, const char *file, int line, const char *fn,
		   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

/* NULL with errno if it is not there. */
static struct kmod_ctx *open_kmod(void)
{
	static bool loaded;
	struct kmod_ctx *ctx;

	if (!loaded)
		loaded = load_library();
	if (!loaded) {
		errno = ELIBACC;
		return NULL;
	}
	errno = ENOMEM;
	ctx = kmod.new(NULL, NULL);
	if (ctx)
		kmod.set_log_fn(ctx, silent, NULL);
	return ctx;
}

static const char *why_not(int err)
{
	switch (err) {
	case ENOENT:
		return "there is no such module for this kernel, or it needs a symbol that nobody has (is sched_iface loaded?)";
	case ENOEXEC:
		return "it is no module for this kernel, or was built for another version of the scheduler interface; the kernel log says which";
	case EINVAL:
		return "it is not a whole scheduler; the kernel log names what is missing";
	case EEXIST:
		return "it is loaded already";
	case EBUSY:
		return "it is in use";
	case ELIBACC:
		return "libkmod.so.2 is missing or too old; install the package libkmod2";
	default:
		return strerror(err);
	}
}

int module_insert(const char *what)
{
	bool path = strchr(what, '/') || strstr(what, ".ko");
	struct kmod_ctx *ctx = open_kmod();
	struct kmod_module *mod = NULL;
	struct kmod_list *list = NULL;
	char name[64];
	int err = -ENOMEM;

	if (!ctx)
		return errno;
	if (path) {
		err = access(what, R_OK) ? -errno : kmod.module_new_from_path(ctx, what, &mod);
		if (!err)
			err = kmod.module_insert_module(mod, 0, NULL);
	} else {
		snprintf(name, sizeof(name), "sched_%s", what);
		err = kmod.module_new_from_lookup(ctx, name, &list);
		if (!err && !list)
			err = -ENOENT;
		if (!err) {
			mod = kmod.module_get_module(list);
			err = kmod.module_probe_insert_module(mod,
				KMOD_PROBE_FAIL_ON_LOADED, NULL, NULL, NULL, NULL);
		}
	}
	kmod.module_unref(mod);
	kmod.module_unref_list(list);
	kmod.unref(ctx);
	return -err;
}

int module_load_refused(const char *what, int err)
{
	bool path = strchr(what, '/') || strstr(what, ".ko");

	return refused("cannot load %s: %s", what, path && err == ENOENT && access(what, F_OK) ?
		       "there is no such file" : why_not(err));
}

int module_load(const char *what)
{
	int err = module_insert(what);

	return err ? module_load_refused(what, err) : DONE;
}

/*
 * Where sched_NAME came from: the kernel does not say, so it is the file that
 * modprobe would take.
 */
int module_file(const char *sched, char *path, size_t size)
{
	struct kmod_ctx *ctx = open_kmod();
	struct kmod_list *list = NULL;
	struct kmod_module *mod;
	const char *file = NULL;
	char name[64];

	if (!ctx)
		return -1;
	snprintf(name, sizeof(name), "sched_%s", sched);
	if (!kmod.module_new_from_lookup(ctx, name, &list) && list) {
		mod = kmod.module_get_module(list);
		file = kmod.module_get_path(mod);
		if (file)
			snprintf(path, size, "%s", file);
		kmod.module_unref(mod);
	}
	kmod.module_unref_list(list);
	kmod.unref(ctx);
	return file ? 0 : -1;
}

int module_unload(const char *sched)
{
	struct kmod_ctx *ctx = open_kmod();
	struct kmod_module *mod = NULL;
	char name[64];
	int err = -ENOMEM;

	if (!ctx)
		return refused("cannot unload %s: %s", sched, why_not(errno));
	snprintf(name, sizeof(name), "sched_%s", sched);
	err = kmod.module_new_from_name(ctx, name, &mod);
	if (!err)
		err = kmod.module_remove_module(mod, O_NONBLOCK);
	kmod.module_unref(mod);
	kmod.unref(ctx);
	if (err)
		return refused("cannot unload %s: %s", sched, err == -ENOENT ?
			       "its module is not called as it is; rmmod the module" : why_not(-err));
	return DONE;
}
