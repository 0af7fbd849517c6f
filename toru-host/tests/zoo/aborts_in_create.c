#include "zoo.h"

static uint32_t create(const ToruHost *host, void **out, ToruError *err)
{
    abort();
}

ZOO_PLUGIN(.create = create)
