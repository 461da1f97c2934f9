/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmmctl: what its files share.
 *
 * Each command builds a JSON value from the kernel's answer; render.c prints it
 * as JSON or as text. So both always say the same.
 */
#ifndef VMMCTL_H
#define VMMCTL_H

#include <json-c/json.h>
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/vmm.h>

/* Exit statuses. */
enum { DONE = 0, REFUSED = 1, USAGE = 2 };

extern bool opt_json, opt_pretty;

/** struct command - a verb of an object */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);	/* argv[0] is the first word after the verb */
	const char *args;
	const char *help;
};

extern const struct command sched_commands[], vm_commands[], vcpu_commands[], pcpu_commands[];
extern const struct command pool_commands[];
int cmd_monitor(int argc, char **argv);
int cmd_vm_pause(int argc, char **argv);
int cmd_vm_resume(int argc, char **argv);

/* --- messages: one line on stderr, or {"error": ...} on stdout with -j --------- */
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int refused(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- nl.c ------------------------------------------------------------------------ */
struct nl_msg *nl_request(uint8_t cmd, int flags);	/* NULL: said why already */
/* Sends, calls @answer for each message; frees @msg. DONE or REFUSED (said why). */
typedef void (*nl_answer)(struct nlmsghdr *h, struct nlattr **attr, void *arg);
int nl_talk(struct nl_msg *msg, nl_answer answer, void *arg);
/* Attributes that come more than once: each one of @type at the top level of @h. */
#define nl_for_each(a, h, rem, kind) \
	nlmsg_for_each_attr(a, h, GENL_HDRLEN, rem) \
		if (nla_type(a) == (kind))
int nl_events(int (*event)(uint8_t cmd, struct nlattr **attr));
enum nl_end { NL_ERROR, NL_TIME, NL_EVENT, NL_SIGNAL };	/* NL_ERROR: said why */
int nl_signals(void);
int nl_listen(int (*event)(uint8_t cmd, struct nlattr **attr));
void nl_deaf(void);
enum nl_end nl_wait(int timeout_ms);
void ctl_close(void);

/* --- kernel's answers -> JSON ---------------------------------------------------------- */
void add_u64(json_object *o, const char *key, struct nlattr *a);
void add_u32(json_object *o, const char *key, struct nlattr *a);
void add_str(json_object *o, const char *key, struct nlattr *a);
json_object *swap_to_json(struct nlattr *nest);
json_object *exit_to_json(struct nlattr *nest);
void print_exit_line(json_object *o);
int show_last_exit(void);
json_object *param_to_json(struct nlattr *nest);
json_object *vm_list(void);			/* NULL: said why */
json_object *find_vm(json_object *list, const char *which);	/* by name or id */
bool is_number(const char *text);
const char *vcpu_state(unsigned int state);
json_object *sched_list(void);		/* NULL: said why */
json_object *vm_list(void);
json_object *history_list(void);
json_object *find_by(json_object *list, const char *key, const char *value);
int put_mode(struct nl_msg *msg, const char *name);	/* VMM_ATTR_DISPATCH */
int cmd_sched_set(int argc, char **argv);
int cmd_sched_back(int argc, char **argv);
int cmd_sched_history(int argc, char **argv);
int cmd_sched_timeline(int argc, char **argv);
/* NAME VALUE as SCHED_PARAM, read with the unit that @sched declares; 0, or an exit status. */
int put_param(struct nl_msg *msg, json_object *sched, const char *scope,
	      const char *name, const char *value);

/* --- pool.c ----------------------------------------------------------------------------- */
extern const char *opt_pool;	/* --pool: which one 'vmmctl sched' is about; NULL: pool 0 */
int take_pool_option(int *argc, char **argv);
int put_pool(struct nl_msg *msg, const char *which);	/* VMM_ATTR_POOL_ID or _NAME */
struct nl_msg *pool_request(uint8_t cmd, int flags);	/* nl_request() about --pool; NULL: said why */
json_object *pool_list(void);				/* NULL: said why */

/* --- render.c --------------------------------------------------------------------------- */
/** struct column - one column of a table */
struct column {
	const char *title;
	const char *key;
	enum { COL_TEXT, COL_NUM, COL_NS, COL_BOOL, COL_PPM } kind;
};

void print_json(json_object *obj);
void print_table(json_object *list, const struct column *columns);
int print_list(json_object *list, const struct column *columns);
void print_swap(json_object *swap);
const char *get_str(json_object *obj, const char *key);
uint64_t get_num(json_object *obj, const char *key);
bool get_bool(json_object *obj, const char *key);

/* --- units.c ------------------------------------------------------------------------------ */
int parse_value(const char *text, const char *unit, uint64_t *val);
int parse_time(const char *text, uint64_t *ns);
int parse_u32(const char *text, uint32_t *val);
const char *show_ns(uint64_t ns, char *buf, size_t size);
const char *show_value(uint64_t val, const char *unit, char *buf, size_t size);

/* --- kmod.c ----------------------------------------------------------------------------------- */
int module_load(const char *name_or_path);
int module_insert(const char *name_or_path);	/* silently: 0, or a positive errno */
int module_load_refused(const char *name_or_path, int err);	/* says why */
int module_file(const char *sched, char *path, size_t size);	/* 0: @path is its file */
int module_unload(const char *sched);

#endif
