/* Lists of words separated by colons. */
#include "client/base/words.h"

#include <string.h>

bool
kv_words_next(const char **list, const char **word, size_t *len)
{
	if (*list == NULL || **list == '\0')
		return false;
	*word = *list;
	*len = strcspn(*list, ":");
	*list += *len + ((*list)[*len] == ':');
	return true;
}

bool
kv_words_has(const char *list, const char *word)
{
	const size_t len = strlen(word);
	const char *one;
	size_t n;

	while (kv_words_next(&list, &one, &n))
		if (n > 0 && n == len && memcmp(one, word, n) == 0)
			return true;
	return false;
}
