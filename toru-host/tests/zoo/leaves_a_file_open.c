// Opens a file with each instance, and closes none.
#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    open("/dev/zero", O_RDONLY);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
