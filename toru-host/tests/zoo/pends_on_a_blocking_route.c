#include "zoo.h"

static const ToruOpVt vt = {.size = sizeof vt, .poll = zoo_op_poll, .drop = zoo_op_drop};

ZOO_HANDLER(fault)
{
    op->vt = &vt;
    return TORU_PENDING;
}

ZOO_FAULT(fault, TORU_ROUTE_BLOCKING)
