#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "client/base/err.h"

static void
status_and_code_give_the_errno_of_the_table(void **state)
{
	static const struct {
		long status;
		struct kv_fault fault;
		int err;
	} rows[] = {
		{ 200, { "", "", "" }, 0 },
		{ 204, { "", "", "" }, 0 },
		{ 299, { "", "", "" }, 0 },
		{ 100, { "", "", "" }, -EBADMSG },
		{ 302, { "", "", "" }, -EBADMSG },
		{ 304, { "", "", "" }, -EBADMSG },
		{ 400, { "Malformed backup blob", "", "" }, -EINVAL },
		{ 400, { "BadParameter", "", "" }, -EINVAL },
		{ 401, { "Unauthorized", "", "" }, -EACCES },
		{ 401, { "", "", "" }, -EACCES },
		{ 403, { "Forbidden", "ForbiddenByPolicy", "" }, -EACCES },
		{ 403, { "Forbidden", "ForbiddenByRbac", "" }, -EACCES },
		{ 403, { "", "", "" }, -EACCES },
		{ 403, { "Forbidden", "KeyManagedByKeyVault", "" }, -EPERM },
		{ 403, { "Forbidden", "SecretManagedByKeyVault", "" }, -EPERM },
		{ 403,
		    { "Forbidden", "",
			"Operation \"backup\" is not allowed on this Key, since it is associated with a certificate." },
		    -EPERM },
		{ 404, { "KeyNotFound", "", "" }, -ENOENT },
		{ 404, { "SecretNotFound", "", "" }, -ENOENT },
		{ 404, { "CertificateNotFound", "", "" }, -ENOENT },
		{ 404, { "NotFound", "", "" }, -ENOENT },
		{ 404, { "", "", "" }, -EBADMSG },
		{ 404, { "", "KeyNotFound", "" }, -EBADMSG },
		{ 404, { "EntityNotFoundException", "", "" }, -ENOENT },
		{ 404, { "NotFoundHere", "", "" }, -EBADMSG },
		{ 404, { "keynotfound", "", "" }, -EBADMSG },
		{ 404, { "Found", "", "" }, -EBADMSG },
		{ 405, { "", "", "" }, -EBADMSG },
		{ 407, { "", "", "" }, -EBADMSG },
		{ 408, { "", "", "" }, -EIO },
		{ 409, { "Conflict", "", "" }, -EEXIST },
		{ 409, { "Conflict", "ObjectIsDeletedButRecoverable", "" }, -EEXIST },
		{ 409, { "Conflict", "ObjectIsBeingDeleted", "" }, -EBUSY },
		{ 409, { "Conflict", "ObjectIsBeingRecovered", "" }, -EBUSY },
		{ 409, { "ObjectIsBeingDeleted", "", "" }, -EBUSY },
		{ 413, { "", "", "" }, -EFBIG },
		{ 429, { "Throttled", "", "" }, -EBUSY },
		{ 500, { "InternalServerError", "", "" }, -EIO },
		{ 503, { "", "", "" }, -EIO },
		{ 599, { "KeyNotFound", "", "" }, -EIO },
		{ 600, { "", "", "" }, -EBADMSG },
		{ 0, { "", "", "" }, -EBADMSG },
		{ -1, { "", "", "" }, -EBADMSG },
		{ LONG_MAX, { "", "", "" }, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_row(
		    kv_err_of_status(rows[i].status, &rows[i].fault) == rows[i].err, i, rows[i].fault.code);
}

static void
without_a_fault_the_status_alone_decides(void **state)
{
	(void)state;
	assert_int_equal(kv_err_of_status(200, NULL), 0);
	assert_int_equal(kv_err_of_status(403, NULL), -EACCES);
	assert_int_equal(kv_err_of_status(404, NULL), -EBADMSG);
	assert_int_equal(kv_err_of_status(409, NULL), -EEXIST);
}

static void
only_408_429_and_5xx_pass(void **state)
{
	(void)state;
	for (long status = -1; status < 700; status++)
		assert_int_equal(kv_err_is_temporary(status),
		    status == 408 || status == 429 || (status >= 500 && status < 600));
}

static void
a_full_code_does_not_run_over(void **state)
{
	struct kv_fault fault;

	(void)state;
	memset(&fault, 'x', sizeof(fault));
	fault.code[sizeof(fault.code) - 1] = '\0';
	fault.inner[sizeof(fault.inner) - 1] = '\0';
	fault.message[sizeof(fault.message) - 1] = '\0';
	memcpy(fault.code + sizeof(fault.code) - 9, "NotFound", 9);
	assert_int_equal(kv_err_of_status(404, &fault), -ENOENT);
	assert_int_equal(kv_err_of_status(403, &fault), -EACCES);
}

static void
every_errno_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(kv_err_name(0), "0");
	assert_string_equal(kv_err_name(EACCES), "EACCES");
	assert_string_equal(kv_err_name(-EACCES), "EACCES");
	assert_string_equal(kv_err_name(-EBADMSG), "EBADMSG");
	assert_string_equal(kv_err_name(-99999), "E?");
	assert_string_equal(kv_err_name(INT_MAX), "E?");
	assert_string_equal(kv_err_name(INT_MIN), "E?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_and_code_give_the_errno_of_the_table),
		cmocka_unit_test(without_a_fault_the_status_alone_decides),
		cmocka_unit_test(only_408_429_and_5xx_pass),
		cmocka_unit_test(a_full_code_does_not_run_over),
		cmocka_unit_test(every_errno_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
