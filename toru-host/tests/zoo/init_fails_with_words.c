#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    zoo_started++;
    return zoo_fail(err, "no licence for Tuesdays\x1b[31m");
}

ZOO_PLUGIN(.init = init)
