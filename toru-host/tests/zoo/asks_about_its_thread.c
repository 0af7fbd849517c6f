// Not a fault: tells whether the thread that it is called on must not be blocked.
#include "zoo.h"

static const ToruCtx *kept;
static const ToruRt *rt;

static int worker(void)
{
    return rt->is_worker_thread(kept);
}

static void drop(void *data)
{
    zoo_dropped = worker();
}

static uint32_t poll(void *data, const ToruWaker *waker, void *io)
{
    return zoo_answer(io, worker() ? "1" : "0");
}

static const ToruOpVt op_vt = {.size = sizeof op_vt, .poll = poll, .drop = drop};

ZOO_STREAM_POLL(poll_stream)
{
    return worker() ? TORU_END : TORU_FAILED;
}

static void release(ToruBody *body)
{
    zoo_released = worker();
    free(body);
}

static const ToruBodyVt body_vt = {.size = sizeof body_vt, .poll = poll_stream, .release = release};

ZOO_HANDLER(start)
{
    return zoo_answer(ex, worker() ? "1" : "0");
}

ZOO_HANDLER(suspend)
{
    op->vt = &op_vt;
    waker->vt->wake(waker);
    return TORU_PENDING;
}

ZOO_HANDLER(stream)
{
    return zoo_answer_stream(ex, zoo_stream(&body_vt));
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    kept = ctx;
    rt = ctx->vt->ext(ctx, (const uint8_t *)TORU_RT_ID, sizeof TORU_RT_ID - 1);
    zoo_started = worker();
    return TORU_DONE;
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    zoo_add(registrar, "/start", start, 0);
    zoo_add(registrar, "/poll", suspend, 0);
    zoo_add(registrar, "/stream", stream, 0);
    zoo_add(registrar, "/blocking", start, TORU_ROUTE_BLOCKING);
    return zoo_routes(plugin, registrar, err);
}

ZOO_PLUGIN(.init = init, .routes = routes)
