#include "zoo.h"

static uint32_t poll(void *data, const ToruWaker *waker, void *io)
{
    zoo_polled++;
    return TORU_PENDING;
}

static const ToruOpVt vt = {.size = sizeof vt, .poll = poll, .drop = zoo_op_drop};

ZOO_HANDLER(fault)
{
    op->vt = &vt;
    return TORU_PENDING;
}

ZOO_FAULT(fault, 0)
