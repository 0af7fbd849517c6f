#include "zoo.h"

ZOO_HANDLER(fault)
{
    const ToruResponder *responder = ex->vt->detach(ex);
    zoo_status = zoo_answer(ex, "not like this");
    ToruResponse response = zoo_response("like this");
    responder->vt->respond(responder, &response);
    responder->vt->release(responder);
    return TORU_DETACHED;
}

ZOO_FAULT(fault, 0)
