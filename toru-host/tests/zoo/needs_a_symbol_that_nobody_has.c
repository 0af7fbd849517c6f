#include "zoo.h"

extern int zoo_nobody_has_this(void);

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    return zoo_nobody_has_this();
}

ZOO_PLUGIN(.init = init)
