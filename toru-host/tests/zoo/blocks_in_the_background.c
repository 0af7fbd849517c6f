// Hands the host work that blocks until somebody writes to the named pipe ZOO_PIPE; but only the first time.
#include "zoo.h"

static void work(void *data)
{
    char byte;
    int pipe = open(ZOO_PIPE, O_RDONLY);
    read(pipe, &byte, 1);
    close(pipe);
    zoo_called++;
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    const ToruRt *rt = ctx->vt->ext(ctx, (const uint8_t *)TORU_RT_ID, sizeof TORU_RT_ID - 1);
    zoo_started++;
    return zoo_made == 1 ? rt->spawn_blocking(ctx, work, NULL, NULL) : TORU_DONE;
}

static void destroy(void *plugin)
{
    zoo_ended += zoo_called; // not while the work is going on
}

ZOO_PLUGIN(.init = init, .destroy = destroy)
