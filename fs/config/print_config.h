#ifndef KV_FS_CONFIG_PRINT_CONFIG_H
#define KV_FS_CONFIG_PRINT_CONFIG_H
#include <stdio.h>

struct kv_settings;

/*
 * --print-config: one line for each option, with its value in effect and where it was given; for each vault in a
 * folder, the lines that differ; and one for each
 * variable of credentials and of the network that is set in the environment. A secret is printed as "(set)".
 */
void kv_print_config(const struct kv_settings *settings, FILE *out);
#endif
