#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/command/status_cmd.h"

/* What the test prints goes nowhere. */
static int
print_to_nobody(const char *json)
{
	const int saved = dup(STDOUT_FILENO);
	int err;

	fflush(stdout);
	assert_non_null(freopen("/dev/null", "w", stdout));
	err = kv_status_cmd_print(json, strlen(json));
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	return err;
}

static void
a_status_of_another_version_is_shown_as_far_as_it_goes(void **state)
{
	static const char *const members[] = { "\"vault\":\"v\"", "\"region\":null", "\"seconds\":90000",
		"\"paused\":true", "\"objects\":{\"keys\":{\"shown\":1,\"failure\":\"EIO\"}}",
		"\"archive\":{\"known\":1}", "\"requests\":[{\"operation\":\"list\",\"count\":1}]",
		"\"pace\":[{\"class\":\"light\"}]", "\"cache\":{\"hits\":1}", "\"read_ahead\":{}",
		"\"files\":{}", "\"failures\":[\"x\"]" };
	static const char *const others[] = { "{}", "{\"pace\":null}", "{\"pace\":7}", "{\"pace\":[1,null]}",
		"{\"requests\":{}}", "{\"failures\":[7]}", "{\"objects\":[]}", "{\"seconds\":1e300}",
		"{\"seconds\":-1e300}", "{\"archive\":{\"seconds_left\":1e99}}", "{\"vault\":7}" };
	char text[2000];

	(void)state;
	for (size_t without = 0; without <= N_OF(members); without++) {
		snprintf(text, sizeof(text), "{\"kvfs\":\"9\"");
		for (size_t i = 0; i < N_OF(members); i++)
			if (i != without)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%s", members[i]);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "}");
		assert_row(print_to_nobody(text) == 0, without, text);
	}
	for (size_t i = 0; i < N_OF(others); i++)
		assert_row(print_to_nobody(others[i]) == 0, i, others[i]);
	assert_int_equal(print_to_nobody("no JSON"), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_of_another_version_is_shown_as_far_as_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
