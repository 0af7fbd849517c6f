// Keeps 64 KiB of each instance for good.
#include "zoo.h"

static void *volatile kept;

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    kept = malloc(64 << 10);
    memset(kept, 1, 64 << 10);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
