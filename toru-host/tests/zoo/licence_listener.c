// Asks for its licence key and offers to be told of another one, in the way that ZOO_LISTENER says.
#include "zoo.h"

static const ToruCtx *own;

static void read_key(void)
{
    const ToruLicense *license = own->vt->ext(own, (const uint8_t *)TORU_LICENSE_ID, sizeof TORU_LICENSE_ID - 1);
    ToruBytes key = {0};
    zoo_status = license->get(own, &key);
    if (zoo_status == TORU_DONE) {
        zoo_called = key.len;
        if (key.owner) key.owner->vt->release(key.owner);
    }
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    zoo_started++;
    own = ctx;
    read_key();
    if (ZOO_LISTENER == 8 && zoo_status != TORU_DONE) return TORU_LICENSE_MISSING;
    return TORU_DONE;
}

static uint32_t poll_changed(void *data, const ToruWaker *waker, void *io)
{
    zoo_polled++;
    read_key();
    return TORU_DONE;
}

static void drop_changed(void *data)
{
    zoo_dropped++;
}

static const ToruOpVt suspended = {.size = sizeof suspended, .poll = poll_changed, .drop = drop_changed};

static uint32_t changed(void *plugin, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    if (ZOO_LISTENER == 6) return 4711;
    if (ZOO_LISTENER == 7) return TORU_PENDING; // without an operation
    *op = (ToruOp){.vt = &suspended};
    waker->vt->wake(waker);
    return TORU_PENDING;
}

static const void *ext(void *plugin, const uint8_t *id, size_t len)
{
    static ToruLicenseListener table = {.size = sizeof table, .changed = changed};
    static char shifted[sizeof table + 8];
    if (len != sizeof TORU_LICENSE_ID - 1 || memcmp(id, TORU_LICENSE_ID, len)) return NULL;
    switch (ZOO_LISTENER) {
    case 2: return NULL;
    case 3:
        table.size = 8;
        return zoo_at_the_edge(&table, 8);
    case 4: return memcpy(shifted + 1, &table, sizeof table);
    case 5:
        table.changed = NULL;
        return &table;
    default: return &table;
    }
}

#if ZOO_LISTENER == 1
ZOO_PLUGIN(.init = init)
#else
ZOO_PLUGIN(.init = init, .ext = ext)
#endif
