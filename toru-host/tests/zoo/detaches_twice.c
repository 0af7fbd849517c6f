#include "zoo.h"

ZOO_HANDLER(fault)
{
    const ToruResponder *responder = ex->vt->detach(ex);
    ToruResponse response = zoo_response(ex->vt->detach(ex) ? "two responders" : "one responder");
    responder->vt->respond(responder, &response);
    responder->vt->release(responder);
    return TORU_DETACHED;
}

ZOO_FAULT(fault, 0)
