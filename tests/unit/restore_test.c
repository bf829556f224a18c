#include "tests/unit/unit.h"
#include "fs/restore.h"
#include "fs/drop.h"
#include "fs/tree.h"
int main(void){return kv_restores_new(0)==0;}
