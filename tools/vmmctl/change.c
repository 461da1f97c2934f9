// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched set: the change request.
 *
 * The kernel's part, from one scheduler to another with parameters, mode and
 * timeout, is one netlink request: it is done whole or not at all. Modules are
 * loaded and unloaded from here. With the policies keep and unload-after the new
 * scheduler is loaded, then made active: at no time is a third one in charge, and
 * a client that dies half-way leaves the old one. unload-before is for machines
 * that have no room for both: the one before the old one, in the end the
 * built-in default, bridges the gap; when the new one then fails, or this
 * program is killed, the kernel has the old one loaded again by modprobe and
 * made active with the values it had.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

enum policy { KEEP, UNLOAD_BEFORE, UNLOAD_AFTER };

/**
 * struct change - what was asked for
 * @name:    the new scheduler
 * @image:   file of its module, or NULL: it is loaded
 * @policy:  what becomes of the old one
 * @cease:   bring all vCPUs out first
 * @timeout: for that, ns; 0: the kernel's default
 * @mode:    of dispatch, or NULL: as it is
 * @set:     PARAM=VALUE
 * @nr_set:  how many
 */
struct change {
	const char *name;
	const char *image;
	enum policy policy;
	bool cease;
	uint64_t timeout;
	const char *mode;
	const char *set[16];
	int nr_set;
};

static void on_set(struct nlmsghdr *h, struct nlattr **a, void *arg)
{
	json_object **swap = arg;

	(void)h;
	if (a[VMM_ATTR_SWAP] && !*swap)
		*swap = swap_to_json(a[VMM_ATTR_SWAP]);
}

static int parse_policy(const char *text, enum policy *policy)
{
	static const char * const names[] = { "keep", "unload-before", "unload-after" };
	int i;

	for (i = 0; i < 3; i++) {
		if (strcmp(text, names[i]))
			continue;
		*policy = i;
		return DONE;
	}
	return usage("the policy is keep, unload-before or unload-after");
}

static int parse_option(struct change *c, const char *option, const char *value)
{
	if (!strcmp(option, "--image")) {
		c->image = value;
	} else if (!strcmp(option, "--policy")) {
		return parse_policy(value, &c->policy);
	} else if (!strcmp(option, "--mode")) {
		c->cease = !strcmp(value, "cease");
		if (!c->cease && strcmp(value, "live"))
			return usage("the mode is live or cease");
	} else if (!strcmp(option, "--timeout")) {
		if (parse_time(value, &c->timeout) || !c->timeout)
			return usage("'%s' is no timeout: 200ms, 2s...", value);
	} else if (!strcmp(option, "--dispatch")) {
		c->mode = value;
	} else if (!strcmp(option, "--set")) {
		if (!strchr(value, '='))
			return usage("--set needs PARAM=VALUE");
		if (c->nr_set == 16)
			return usage("too many parameters in one request");
		c->set[c->nr_set++] = value;
	} else {
		return usage("'%s' is no option of 'sched set'; see 'vmmctl sched help'", option);
	}
	return DONE;
}

static int parse_options(struct change *c, int argc, char **argv)
{
	int i, ret;

	for (i = 0; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage("%s needs a value; see 'vmmctl sched help'", argv[i]);
		ret = parse_option(c, argv[i], argv[i + 1]);
		if (ret)
			return ret;
	}
	return DONE;
}

static int put_settings(struct nl_msg *msg, json_object *sched, const struct change *c)
{
	int i, ret = DONE;

	for (i = 0; !ret && i < c->nr_set; i++) {
		char *name = strdup(c->set[i]), *value;

		if (!name)
			return refused("out of memory");
		value = strchr(name, '=');
		*value++ = '\0';
		ret = put_param(msg, sched, "scheduler", name, value);
		free(name);
	}
	return ret;
}

/* The kernel's part. */
static int request(const struct change *c, json_object **swap)
{
	json_object *list = sched_list(), *sched;
	struct nl_msg *msg;
	int ret;

	if (!list)
		return REFUSED;
	msg = nl_request(VMM_CMD_SCHED_SET, NLM_F_ACK);
	sched = find_by(list, "name", c->name);
	ret = msg ? DONE : REFUSED;
	if (msg && nla_put_string(msg, VMM_ATTR_SCHED_NAME, c->name))
		ret = usage("'%s' is too long for a name", c->name);
	if (!ret && ((c->cease && nla_put_u32(msg, VMM_ATTR_SWAP_MODE, VMM_SWAP_CEASE)) ||
		     (c->timeout && nla_put_u64(msg, VMM_ATTR_TIMEOUT, c->timeout))))
		ret = refused("out of memory");
	if (!ret && opt_pool)
		ret = put_pool(msg, opt_pool);
	if (!ret && c->mode)
		ret = put_mode(msg, c->mode);
	/* Without its parameters nothing can be read: the kernel says what is wrong with the name. */
	if (!ret && sched)
		ret = put_settings(msg, sched, c);
	if (ret)
		nlmsg_free(msg);
	else
		ret = nl_talk(msg, on_set, swap);
	json_object_put(list);
	return ret;
}

static bool is_loaded(const char *name)
{
	json_object *list = sched_list();
	bool loaded = list && find_by(list, "name", name);

	json_object_put(list);
	return loaded;
}

/*
 * struct old - the scheduler that was active
 * @name, @image: and the file of its module, "" for the default or when nobody knows
 */
struct old {
	char name[32];
	char image[512];
};

static int read_old(struct old *old)
{
	json_object *list = sched_list(), *active;

	if (!list)
		return REFUSED;
	active = find_by(list, "state", "active");
	snprintf(old->name, sizeof(old->name), "%s", get_str(active, "name"));
	if (module_file(old->name, old->image, sizeof(old->image)))
		old->image[0] = '\0';
	json_object_put(list);
	return DONE;
}

/* Unloading takes it out of every pool. */
static bool used_elsewhere(const char *name)
{
	json_object *list = pool_list();
	unsigned int n = 0;
	size_t i;

	for (i = 0; list && i < json_object_array_length(list); i++)
		n += !strcmp(get_str(json_object_array_get_idx(list, i), "scheduler"), name);
	json_object_put(list);
	return n > 1;
}

static int simple(uint8_t cmd)
{
	struct nl_msg *msg = nl_request(cmd, NLM_F_ACK);
	int ret = msg && opt_pool ? put_pool(msg, opt_pool) : DONE;

	if (ret) {
		nlmsg_free(msg);
		return ret;
	}
	return msg ? nl_talk(msg, NULL, NULL) : REFUSED;
}

/* The new one has failed, and the old one is gone: the kernel brings it back. */
static void bring_back(const struct old *old)
{
	if (simple(VMM_CMD_SCHED_ABORT))
		refused("%s could not be brought back: see 'vmmctl sched show' for who is active",
			old->name);
	else	/* The request has failed all the same; its reason comes first, then this. */
		refused("%s is active again, with its parameters", old->name);
}

static int unload_before(const struct change *c, const struct old *old, json_object **swap)
{
	sigset_t set;
	int ret;

	if (!old->image[0])
		return refused("%s cannot be unloaded: %s", old->name,
			       strcmp(old->name, "default") ? "the file of its module is not known"
							    : "it is built in");
	if (used_elsewhere(old->name))
		return refused("%s cannot be unloaded: other pools use it; see 'vmmctl pool list'",
			       old->name);
	/*
	 * From here to the end there is a stopgap in charge: this is not to be
	 * interrupted. Who is killed all the same loses the socket, and the kernel
	 * undoes what was begun with it.
	 */
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ret = simple(VMM_CMD_SCHED_BEGIN);
	if (!ret)
		ret = module_unload(old->name);
	if (ret)
		return ret;
	if (!opt_json)
		printf("%s is unloaded; until %s is active, the one before it bridges the gap\n",
		       old->name, c->name);
	ret = is_loaded(c->name) ? DONE : c->image ? module_load(c->image) : REFUSED;
	if (ret == REFUSED && !c->image)
		refused("%s is not loaded; --image says where it is", c->name);
	if (!ret)
		ret = request(c, swap);
	if (ret)
		bring_back(old);
	return ret;
}

static int change(const struct change *c, json_object **swap)
{
	struct old old = { };
	int ret = read_old(&old);
	bool loaded = false;
	int err;

	if (ret)
		return ret;
	if (c->policy == UNLOAD_BEFORE && strcmp(old.name, c->name))
		return unload_before(c, &old, swap);
	if (c->image && !is_loaded(c->name)) {
		err = module_insert(c->image);
		/* No room for both. */
		if (err == ENOMEM && old.image[0])
			return unload_before(c, &old, swap);
		if (err)
			return module_load_refused(c->image, err);
		loaded = true;
	}
	if (c->policy == UNLOAD_AFTER && strcmp(old.name, c->name) && used_elsewhere(old.name))
		return refused("%s cannot be unloaded: other pools use it; see 'vmmctl pool list'",
			       old.name);
	ret = request(c, swap);
	if (ret && loaded)
		module_unload(c->name);
	if (!ret && c->policy == UNLOAD_AFTER && old.image[0] && strcmp(old.name, c->name))
		ret = module_unload(old.name);
	return ret;
}

static int change_and_say(const struct change *c)
{
	json_object *swap = NULL;
	int ret = change(c, &swap);

	if (swap && opt_json)
		print_json(swap);
	else if (swap)
		print_swap(swap);
	json_object_put(swap);
	return ret;
}

int cmd_sched_set(int argc, char **argv)
{
	struct change c = { };
	int ret;

	if (!argc || argv[0][0] == '-')
		return usage("which scheduler? vmmctl sched set NAME [OPTION]...; see 'vmmctl sched help'");
	c.name = argv[0];
	ret = parse_options(&c, argc - 1, argv + 1);
	return ret ? ret : change_and_say(&c);
}

/* As "cd -": whoever would take over next if the active one went. */
int cmd_sched_back(int argc, char **argv)
{
	struct change c = { };
	int ret = parse_options(&c, argc, argv);
	json_object *list;
	size_t i;

	if (ret)
		return ret;
	list = history_list();
	if (!list)
		return REFUSED;
	for (i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		if (get_num(o, "next") == 1)
			c.name = get_str(o, "name");
	}
	ret = c.name ? change_and_say(&c) :
		       refused("no scheduler was active before this one, or none of them is loaded any more; see 'vmmctl sched history'");
	json_object_put(list);
	return ret;
}
