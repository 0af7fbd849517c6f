#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    _exit(3);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
