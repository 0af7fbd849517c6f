#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    memset(err->text, 'x', err->text_cap);
    err->text_len = (size_t)-1;
    return TORU_FAILED;
}

ZOO_PLUGIN(.init = init)
