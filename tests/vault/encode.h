#ifndef LV_ENCODE_H
#define LV_ENCODE_H
/* Bytes as text: base64 in both alphabets, hexadecimal, GUIDs and version identifiers. */
#include <stddef.h>

#include "tests/vault/text.h"

#define LV_GUID_SIZE	37 /* with its NUL */
#define LV_VERSION_SIZE 33 /* with its NUL */

void lv_encode_base64(struct lv_text *out, const void *data, size_t len);    /* padded */
void lv_encode_base64url(struct lv_text *out, const void *data, size_t len); /* not padded */
void lv_encode_hex(char *out, const unsigned char *data, size_t len);	     /* 2 * len + 1 bytes */

/*
 * Decode len characters of either alphabet, padded or not; line ends are skipped. 0 and the bytes
 * appended to out, or -EINVAL.
 */
int lv_encode_decode(struct lv_text *out, const char *text, size_t len);

void lv_encode_random(void *data, size_t len);
void lv_encode_new_guid(char out[LV_GUID_SIZE]);
void lv_encode_new_time_guid(char out[LV_GUID_SIZE]); /* of version 1, made of the time */
void lv_encode_new_version(char out[LV_VERSION_SIZE]);
void lv_encode_guid_of(char out[LV_GUID_SIZE], const unsigned char bytes[16]);
#endif
