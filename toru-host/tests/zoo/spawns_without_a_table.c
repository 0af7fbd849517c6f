#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    const ToruRt *rt = ctx->vt->ext(ctx, (const uint8_t *)TORU_RT_ID, sizeof TORU_RT_ID - 1);
    ToruOp none = {NULL, NULL};
    zoo_status = rt->spawn(ctx, &none);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
