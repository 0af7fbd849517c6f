// Not a fault: answers with its second poll.
#include "zoo.h"

static const ToruOpVt vt = {.size = sizeof vt, .poll = zoo_op_poll, .drop = zoo_op_drop};

ZOO_HANDLER(fault)
{
    op->vt = &vt;
    waker->vt->wake(waker);
    return TORU_PENDING;
}

ZOO_FAULT(fault, 0)
