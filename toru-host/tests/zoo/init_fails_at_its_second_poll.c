#include "zoo.h"

static uint32_t poll(void *data, const ToruWaker *waker, void *io)
{
    if (++zoo_polled == 1) {
        waker->vt->wake(waker);
        return TORU_PENDING;
    }
    return zoo_fail(io, "changed its mind");
}

static const ToruOpVt vt = {.size = sizeof vt, .poll = poll, .drop = zoo_op_drop};

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    op->vt = &vt;
    waker->vt->wake(waker);
    return TORU_PENDING;
}

ZOO_PLUGIN(.init = init)
