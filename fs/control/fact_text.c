#include "fs/control/fact_text.h"

#include <string.h>

#include "client/base/buf.h"
#include "client/base/json.h"
#include "client/base/json_put.h"
#include "client/base/json_quote.h"

/* An issuer has the account's id, and never its password, which the service returns to nobody. */
int
kv_fact_text_issuer(const struct kv_json *issuer, struct kv_buf *out)
{
	static const char *const names[] = { "provider", "credentials", "org_details", "attributes" };
	const struct kv_json *member, *account;
	int err = kv_buf_puts(out, "{"), n = 0;

	for (size_t i = 0; err == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		err = kv_json_member(issuer, names[i], &member);
		if (err != 0 || member == NULL)
			continue;
		err = kv_json_put_name(out, names[i], 3, &n);
		if (err == 0 && strcmp(names[i], "credentials") == 0) {
			err = kv_json_member(member, "account_id", &account);
			if (err == 0)
				err = kv_buf_puts(out, "{ \"account_id\": ");
			if (err == 0)
				err = kv_json_quote(out, account != NULL ? kv_json_as_string(account) : NULL);
			if (err == 0)
				err = kv_buf_puts(out, " }");
		} else if (err == 0) {
			err = kv_json_put(out, member, 3);
		}
	}
	if (err == 0)
		err = kv_json_put_line(out, 2);
	return err == 0 ? kv_buf_puts(out, "}") : err;
}

int
kv_fact_text_contacts(const struct kv_json *answer, struct kv_buf *out)
{
	const struct kv_json *contacts;
	const int err = kv_json_member(answer, "contacts", &contacts);

	return err == 0 ? kv_json_put(out, contacts, 1) : err;
}

int
kv_fact_text_policy(const struct kv_json *policy, struct kv_buf *out)
{
	const struct kv_json *attributes;
	int64_t created;
	int err = kv_json_object(policy, "attributes", &attributes);

	if (err == 0)
		err = kv_json_integer(attributes, "created", &created);
	return err == 0 && created != 0 ? kv_json_put(out, policy, 2) : err;
}
