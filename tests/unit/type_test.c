#include "tests/unit/unit.h"

#include <errno.h>

#include "client/vault/type.h"

#define NAME127                                                                                                \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj" \
	"kkkkkkkkkkllllllllllmmmmmmm"

static void
types_have_names(void **state)
{
	enum kv_type type;

	(void)state;
	for (int i = 0; i < KV_TYPES; i++) {
		assert_int_equal(kv_type_parse(kv_type_name((enum kv_type)i), &type), 0);
		assert_int_equal(type, i);
	}
	assert_string_equal(kv_type_name(KV_CERTIFICATES), "certificates");
	assert_int_equal(kv_type_parse("Keys", &type), -ENOENT);
	assert_int_equal(kv_type_parse("key", &type), -ENOENT);
	assert_int_equal(kv_type_parse("", &type), -ENOENT);
}

static void
names_are_letters_digits_and_dashes(void **state)
{
	static const char *const good[] = { "a", "0", "-", "Db-1", NAME127 };
	static const char *const bad[] = { "", ".", "..", "a.b", "a/b", "a_b", "a b", "a\n", "\xc3\xa4",
		"a%41", NAME127 "a" };

	(void)state;
	for (size_t i = 0; i < N_OF(good); i++)
		assert_row(kv_type_is_name(good[i]), i, good[i]);
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_row(!kv_type_is_name(bad[i]), i, bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(names_are_letters_digits_and_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
