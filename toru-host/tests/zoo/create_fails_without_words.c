#include "zoo.h"

static uint32_t create(const ToruHost *host, void **out, ToruError *err)
{
    return TORU_BUSY;
}

ZOO_PLUGIN(.create = create)
