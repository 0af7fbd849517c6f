#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    return 4711;
}

ZOO_PLUGIN(.init = init)
