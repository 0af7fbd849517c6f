#include "zoo.h"

static uint32_t poll(void *data, const ToruWaker *waker, void *io)
{
    return TORU_PENDING;
}

static const ToruOpVt vt = {.size = sizeof vt, .poll = poll, .drop = zoo_op_drop};

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    // Only the first time, so that the plugin can be asked later how it went.
    op->vt = &vt;
    return zoo_started++ ? TORU_DONE : TORU_PENDING;
}

ZOO_PLUGIN(.init = init)
