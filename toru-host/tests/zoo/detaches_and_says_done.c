// The responder stays out for good: the caller learns that nobody waits.
#include "zoo.h"

static void cancelled(void *responder)
{
    zoo_called++;
    ((const ToruResponder *)responder)->vt->release(responder);
}

ZOO_HANDLER(fault)
{
    const ToruResponder *responder = ex->vt->detach(ex);
    responder->vt->on_cancel(responder, cancelled, NULL, (void *)responder);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
