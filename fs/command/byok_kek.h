#ifndef KV_FS_COMMAND_BYOK_KEK_H
#define KV_FS_COMMAND_BYOK_KEK_H
/* kvfs byok kek: creates a key exchange key in a vault, and prints its id and its public half as JSON. */
int kv_byok_kek(int argc, char *const argv[]);
#endif
