#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "client/base/base64.h"
#include "client/base/buf.h"
#include "tests/unit/made_token.h"

const char *
made_token(const char *key, bool after_empty)
{
	static char token[1000];
	struct kv_buf row, marker, json, coded;

	kv_buf_init(&row, 1000);
	kv_buf_init(&marker, 1000);
	kv_buf_init(&json, 1000);
	kv_buf_init(&coded, sizeof(token) - 1);
	assert_int_equal(kv_buf_printf(&row, "%06zu!secret/%s!000028!9999-12-31T23:59:59.999999%cZ!",
			     strlen(key) + 7, key, after_empty ? '8' : '9'),
	    0);
	assert_int_equal(kv_base64_encode_standard(row.data, row.len, &marker), 0);
	for (size_t i = marker.len; i > 0 && marker.data[i - 1] == '='; i--)
		marker.data[i - 1] = '-';
	assert_int_equal(kv_buf_printf(&json, "{\"NextMarker\":\"2!%zu!%s\",\"TargetLocation\":0}",
			     marker.len, kv_buf_str(&marker)),
	    0);
	assert_int_equal(kv_base64_encode(json.data, json.len, &coded), 0);
	snprintf(token, sizeof(token), "%s", kv_buf_str(&coded));
	kv_buf_release(&row);
	kv_buf_release(&marker);
	kv_buf_release(&json);
	kv_buf_release(&coded);
	return token;
}

const char *
made_token_key(const char *token, bool *after_empty)
{
	static char key[200];
	char text[1000];
	struct kv_buf json, row;

	kv_buf_init(&json, 1000);
	kv_buf_init(&row, 1000);
	assert_int_equal(kv_base64_decode(token, strlen(token), &json), 0);
	snprintf(text, sizeof(text), "%s", strrchr(kv_buf_str(&json), '!') + 1);
	*strchr(text, '"') = '\0';
	while (strchr(text, '-') != NULL)
		*strchr(text, '-') = '=';
	assert_int_equal(kv_base64_decode(text, strlen(text), &row), 0);
	assert_int_equal(sscanf(kv_buf_str(&row), "%*d!secret/%199[A-Z0-9-]", key), 1);
	if (after_empty != NULL)
		*after_empty = strstr(kv_buf_str(&row), "98Z!") != NULL;
	kv_buf_release(&json);
	kv_buf_release(&row);
	return key;
}
