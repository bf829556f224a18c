#ifndef KV_TESTS_UNIT_FAKE_REPLIES_H
#define KV_TESTS_UNIT_FAKE_REPLIES_H
/*
 * The replies of fs/object/folder and fs/object/file, for the drop box without these: the node of an answer is in its request.
 */
#include "tests/unit/fake_fuse.h"
#endif
