#include <string.h>

#include "fs/config/network.h"
#include "fs/config/print_config.h"
#include "fs/config/settings.h"
#include "fs/config/value.h"

static void
print_line(const char *name, const char *value, const char *where, const char *fault, FILE *out)
{
	fprintf(out, "%-20s %-36s # %s%s%s\n", name, value, where != NULL ? where : "default",
	    fault != NULL ? "; " : "", fault != NULL ? fault : "");
}

/* Why the file with the secret of v cannot be read; the whole mount's is read once for each of its vaults. */
static const char *
find_fault(const struct kv_settings *s, const struct kv_settings *v, const char *option)
{
	const char *file = strcmp(option, "client_secret_file") == 0 ? v->client_secret_file : NULL;

	for (size_t i = 0; file != NULL && i < kv_settings_vaults(s); i++) {
		const struct kv_settings *one = kv_settings_vault(s, i);

		if (one->secret_fault != NULL && strcmp(one->client_secret_file, file) == 0)
			return one->secret_fault;
	}
	return NULL;
}

static void
print_variable(const char *name, FILE *out)
{
	const char *text = kv_given_environment(name);

	if (text != NULL)
		print_line(name, strchr(text, '@') != NULL ? "(not shown)" : text, "environment", NULL, out);
}

/* The values of a vault that the mount does not have. */
static void
print_vault(const struct kv_settings *s, const struct kv_settings *v, FILE *out)
{
	const struct kv_option *o;
	struct kv_buf common, value;

	fprintf(out, "\n# %s/\n", v->folder);
	kv_buf_init(&common, 8192);
	kv_buf_init(&value, 8192);
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		kv_value_say(o, s, &common);
		kv_value_say(o, v, &value);
		if (strcmp(kv_buf_str(&common), kv_buf_str(&value)) != 0 && !o->is_shared)
			print_line(
			    o->name, kv_buf_str(&value), v->given.wheres[i], find_fault(s, v, o->name), out);
	}
	kv_buf_release(&common);
	kv_buf_release(&value);
}

void
kv_print_config(const struct kv_settings *s, FILE *out)
{
	static const char *const choices[] = { "AZURE_TOKEN_CREDENTIALS",
		"AZURE_IDENTITY_DISABLE_MULTITENANTAUTH" };
	const struct kv_credential_variable *variable;
	const struct kv_option *o;
	const char *name;
	const struct kv_credential_options *credential = &kv_settings_vault(s, 0)->auth.credential;
	struct kv_buf value;

	kv_buf_init(&value, 8192);
	for (size_t i = 0; (o = kv_options_at(i)) != NULL; i++) {
		kv_value_say(o, s, &value);
		print_line(o->name, kv_buf_str(&value), s->given.wheres[i], find_fault(s, s, o->name), out);
	}
	kv_buf_release(&value);
	for (size_t i = 0; i < s->n_vaults; i++)
		print_vault(s, &s->vaults[i], out);
	for (size_t i = 0; (variable = kv_credential_variable_at(i)) != NULL; i++) {
		const char *text = kv_credential_variable(credential, variable->name);

		if (text != NULL && strchr(text, '@') != NULL)
			text = "(not shown)";
		if (text != NULL)
			print_line(
			    variable->name, variable->is_secret ? "(set)" : text, "environment", NULL, out);
	}
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		print_variable(choices[i], out);
	for (size_t i = 0; (name = kv_network_variable_at(i)) != NULL; i++)
		print_variable(name, out);
}
