#include "zoo.h"

ZOO_HANDLER(fault)
{
    const ToruResponder *responder = ex->vt->detach(ex);
    responder->vt->retain(responder);
    responder->vt->release(responder);
    responder->vt->release(responder);
    return TORU_DETACHED;
}

ZOO_FAULT(fault, 0)
