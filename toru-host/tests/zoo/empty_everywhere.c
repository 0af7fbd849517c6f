// Not a fault: (NULL, 0) wherever a slice, bytes or an array may be empty.
#include "zoo.h"

ZOO_STREAM_POLL(poll)
{
    *frame = (ToruFrame){.size = sizeof *frame, .kind = TORU_FRAME_DATA};
    switch (((ZooStream *)body)->polls++) {
    case 0: return TORU_DONE;                                          // no bytes
    case 1: frame->kind = TORU_FRAME_TRAILERS; return TORU_DONE;       // no fields
    default: return TORU_END;
    }
}

static const ToruBodyVt vt = {.size = sizeof vt, .poll = poll, .release = zoo_stream_release};

ZOO_HANDLER(fault)
{
    static const ToruHeader header = {{(const uint8_t *)"x-empty", 7}, {NULL, 0}, TORU_HEADER_STATIC_VALUE};
    ToruResponse response = {.size = sizeof response, .status = 200, .headers = &header, .n_headers = 1};
    ToruSlice value;
    // What the host gives: no query, no captures, no body; and a name without bytes is no header.
    if (ex->query.len || ex->n_params || ex->vt->body(ex)) response.status = 201;
    if (ex->vt->header(ex, NULL, 0, &value) != TORU_NOT_FOUND) response.status = 202;
    if (ex->vt->header(ex, NULL, 3, &value) != TORU_INVALID) response.status = 203;
    if (ex->vt->ext(ex, NULL, 0)) response.status = 204;
    for (size_t i = 0; i < ex->path.len; i++) {
        if (ex->path.ptr[i] == 'b') response.body_kind = TORU_BODY_BYTES;
        if (ex->path.ptr[i] == 'o') response.body_kind = TORU_BODY_BORROWED;
        if (ex->path.ptr[i] == 's') response.body_kind = TORU_BODY_STREAM, response.stream = zoo_stream(&vt);
    }
    return ex->vt->respond(ex, &response);
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    const ToruLog *log = ctx->vt->ext(ctx, (const uint8_t *)TORU_LOG_ID, sizeof TORU_LOG_ID - 1);
    ToruLogRecord record = {.size = sizeof record, .level = TORU_LOG_INFO};
    return ctx->vt->ext(ctx, NULL, 0) ? TORU_INVALID : log->emit(ctx, &record);
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    // The name is empty; so are `user` and the scratch.
    zoo_add(registrar, "/none", fault, 0);
    zoo_add(registrar, "/b", fault, 0);
    zoo_add(registrar, "/o", fault, 0);
    return zoo_add(registrar, "/s", fault, 0);
}

static uint32_t frontend(void *plugin, const ToruAssetSink *sink, ToruError *err)
{
    ToruAsset asset = {.size = sizeof asset, .path = zoo_text("bundle.js")};
    return sink->add(sink, &asset);
}

ZOO_PLUGIN(.init = init, .routes = routes, .frontend = frontend)
