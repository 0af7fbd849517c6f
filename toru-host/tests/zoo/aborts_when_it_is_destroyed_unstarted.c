#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    return zoo_fail(err, "not today");
}

static void destroy(void *plugin)
{
    abort();
}

ZOO_PLUGIN(.init = init, .destroy = destroy)
