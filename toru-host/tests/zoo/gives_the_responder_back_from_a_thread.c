#include "zoo.h"

static void *later(void *data)
{
    const ToruResponder *responder = data;
    responder->vt->release(responder);
    return NULL;
}

ZOO_HANDLER(fault)
{
    pthread_t thread;
    pthread_create(&thread, NULL, later, (void *)ex->vt->detach(ex));
    pthread_detach(thread);
    return TORU_DETACHED;
}

ZOO_FAULT(fault, 0)
