#include "zoo.h"

__attribute__((constructor)) static void fault(void)
{
    abort();
}

ZOO_PLUGIN()
