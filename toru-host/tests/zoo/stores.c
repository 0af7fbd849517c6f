// Not a fault: reads its entry, or writes it when the number is 1. From 2 on it asks for what it must not get: to be blocked
// on a thread of the host, and something that nobody knows.
#include "zoo.h"

static const ToruCtx *kept;

ZOO_HANDLER(fault)
{
    const ToruKv *kv = kept->vt->ext(kept, (const uint8_t *)TORU_KV_ID, sizeof TORU_KV_ID - 1);
    ToruSlice key = zoo_text("a");
    ToruOp pending;
    if (zoo_number(ex)) {
        ToruKvMutation mutation = {.kind = TORU_KV_SET, .key = key, .value = zoo_text("mine")};
        ToruKvCommitted committed = {.size = sizeof committed};
        if (zoo_number(ex) == 2) committed.flags = TORU_KV_BLOCKING;
        if (zoo_number(ex) == 3) committed.flags = 2;
        uint32_t status = kv->commit(kept, NULL, 0, &mutation, 1, waker, &committed, &pending);
        if (status == TORU_WOULD_BLOCK) return zoo_answer(ex, "would block");
        if (status == TORU_UNSUPPORTED) return zoo_answer(ex, "unsupported");
        return status ? status : zoo_answer(ex, "stored");
    }
    ToruKvPage page = {.size = sizeof page};
    uint32_t status = kv->get(kept, &key, 1, waker, &page, &pending);
    if (status) return status;
    ToruResponse response = zoo_response("missing");
    if (page.n_entries) {
        response.bytes = (ToruBytes){page.entries[0].value.ptr, page.entries[0].value.len, NULL};
    }
    status = ex->vt->respond(ex, &response);
    if (page.owner) page.owner->vt->release(page.owner);
    return status;
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    kept = ctx;
    return TORU_DONE;
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    return zoo_add(registrar, "/fault", fault, 0);
}

ZOO_PLUGIN(.init = init, .routes = routes)
