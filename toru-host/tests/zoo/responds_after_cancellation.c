// Waits detached until nobody waits any more, then answers nevertheless.
#include "zoo.h"

static void cancelled(void *data)
{
    const ToruResponder *responder = data;
    ToruResponse response = zoo_response("too late");
    zoo_status = responder->vt->respond(responder, &response);
    if (responder->vt->is_cancelled(responder)) zoo_called++;
    responder->vt->release(responder);
}

ZOO_HANDLER(fault)
{
    const ToruResponder *responder = ex->vt->detach(ex);
    responder->vt->on_cancel(responder, cancelled, NULL, (void *)responder);
    return TORU_DETACHED;
}

ZOO_FAULT(fault, 0)
