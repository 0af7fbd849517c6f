// Not a fault: the host does not call back before `respond` has returned, so the lock is free for `hint`.
#include "zoo.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

ZOO_STREAM_POLL(poll)
{
    return TORU_END;
}

static uint32_t hint(ToruBody *body, ToruBodyHint *out)
{
    if (pthread_mutex_trylock(&lock) != 0) {
        zoo_called++; // would have waited for itself
        return TORU_NOT_FOUND;
    }
    pthread_mutex_unlock(&lock);
    return TORU_NOT_FOUND;
}

static const ToruBodyVt vt = {.size = sizeof vt, .poll = poll, .hint = hint, .release = zoo_stream_release};

ZOO_HANDLER(fault)
{
    pthread_mutex_lock(&lock);
    uint32_t status = zoo_answer_stream(ex, zoo_stream(&vt));
    pthread_mutex_unlock(&lock);
    return status;
}

ZOO_FAULT(fault, 0)
