#include "fs/command/plan_cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client/base/buf.h"
#include "fs/command/usage.h"

#define MOST_LINE 16384

enum { ALL_CAN_BE, NOT_ALL, ERROR };

void
kv_plan_cmd_print_odd(const struct kv_plan *p)
{
	struct kv_buf line;

	kv_buf_init(&line, MOST_LINE);
	for (size_t i = 0; i < p->archive.n_odd; i++) {
		kv_buf_clear(&line);
		kv_archive_say(&line, p->archive.odd[i].path);
		printf("failed   %s: %s\n", kv_buf_str(&line), p->archive.odd[i].why);
	}
	kv_buf_release(&line);
}

void
kv_plan_cmd_print_others(const struct kv_plan *p, const char *between)
{
	const size_t n = p->archive.n_others;

	if (n > 0)
		printf("%s%zu other %s not used", between, n, n == 1 ? "file" : "files");
}

/* How many files have which verdict, in one line. */
static void
print_sums(const struct kv_plan *p)
{
	const char *between = "";

	for (int v = 0; v < KV_VERDICTS; v++) {
		if (p->count[v] > 0)
			printf("%s%zu %s", between, p->count[v], kv_plan_verdict_name((enum kv_verdict)v));
		if (p->count[v] > 0)
			between = ", ";
	}
	if (p->archive.n_odd > 0) {
		printf("%s%zu failed", between, p->archive.n_odd);
		between = ", ";
	}
	kv_plan_cmd_print_others(p, between);
	printf("\n");
}

int
kv_plan_cmd(int argc, char *const argv[])
{
	static const struct kv_usage usage = { "plan", "[-m MANIFEST] ARCHIVE MOUNTPOINT [PATH...]" };
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	struct kv_plan_options o = { .manifest = NULL };
	struct kv_plan plan;
	struct kv_buf line;
	int c, err, status = ERROR;

	optind = 0;
	while ((c = kv_usage_option(&usage, argc, argv, ":m:", none)) != -1) {
		if (c == '?')
			return ERROR;
		o.manifest = optarg;
	}
	if (argc - optind < 2) {
		kv_usage_refuse(&usage, "no %s is given", argc == optind ? "archive" : "mount point");
		return ERROR;
	}
	o.archive = argv[optind];
	o.mount = argv[optind + 1];
	o.paths = argv + optind + 2;
	o.n_paths = argc - optind - 2;
	kv_buf_init(&line, MOST_LINE);
	err = kv_plan_make(&o, &plan);
	for (size_t i = 0; err == 0 && i < plan.n; i++) {
		kv_buf_clear(&line);
		kv_plan_say(&plan, &plan.items[i], &line);
		printf("%s  %s\n", kv_plan_verdict_name(plan.items[i].verdict), kv_buf_str(&line));
	}
	if (err == 0) {
		kv_plan_cmd_print_odd(&plan);
		print_sums(&plan);
		status = kv_plan_count_left(&plan) == 0 ? ALL_CAN_BE : NOT_ALL;
	}
	kv_buf_release(&line);
	kv_plan_release(&plan);
	return status;
}
