// Asks the host for everything once more after it was destroyed. `/counts` of the next instance tells the answers.
#include "zoo.h"

static const ToruCtx *first;

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    if (!first) {
        first = ctx;
        return TORU_DONE;
    }
    ToruBytes bytes;
    ToruSlice fact;
    ToruOp pending;
    ToruKvPage page;
    ToruSlice key = zoo_text("key");
    ToruLogRecord record = {.size = sizeof record, .level = TORU_LOG_ERROR, .message = zoo_text("from beyond")};
    const ToruConfig *config = first->vt->ext(first, (const uint8_t *)TORU_CONFIG_ID, sizeof TORU_CONFIG_ID - 1);
    const ToruKv *kv = first->vt->ext(first, (const uint8_t *)TORU_KV_ID, sizeof TORU_KV_ID - 1);
    const ToruLicense *license = first->vt->ext(first, (const uint8_t *)TORU_LICENSE_ID, sizeof TORU_LICENSE_ID - 1);
    const ToruLog *log = first->vt->ext(first, (const uint8_t *)TORU_LOG_ID, sizeof TORU_LOG_ID - 1);
    const ToruRt *rt = first->vt->ext(first, (const uint8_t *)TORU_RT_ID, sizeof TORU_RT_ID - 1);
    zoo_called += config->get(first, &bytes) == TORU_GONE;
    zoo_called += license->get(first, &bytes) == TORU_GONE;
    zoo_called += kv->get(first, &key, 1, waker, &page, &pending) == TORU_GONE;
    zoo_called += log->emit(first, &record) == TORU_GONE;
    zoo_called += rt->sleep_until(first, UINT64_MAX, &pending) == TORU_GONE;
    zoo_called += rt->spawn(first, &pending) == TORU_GONE;
    zoo_called += rt->spawn_blocking(first, zoo_op_drop, NULL, NULL) == TORU_GONE;
    // Facts stay readable.
    zoo_called += first->vt->info(first, TORU_INFO_PLUGIN_ID, &fact) == TORU_DONE && fact.len == strlen(ZOO_ID);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
