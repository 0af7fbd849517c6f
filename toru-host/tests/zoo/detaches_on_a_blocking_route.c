// Not a fault: a blocking handler may leave the answer to somebody else as well.
#include "zoo.h"

static void *later(void *data)
{
    const ToruResponder *responder = data;
    ToruResponse response = zoo_response("later");
    zoo_status = responder->vt->respond(responder, &response);
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

ZOO_FAULT(fault, TORU_ROUTE_BLOCKING)
