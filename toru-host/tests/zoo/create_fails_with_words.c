#include "zoo.h"

static uint32_t create(const ToruHost *host, void **out, ToruError *err)
{
    return zoo_fail(err, "the moon is not full");
}

ZOO_PLUGIN(.create = create)
