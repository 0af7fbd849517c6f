// Starts a thread with each instance, and ends none.
#include "zoo.h"

static void *sleep_for_good(void *data)
{
    for (;;) pause();
    return data;
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_for_good, NULL);
    pthread_detach(thread);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
