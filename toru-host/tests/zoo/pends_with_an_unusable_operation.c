// By number: no table; a table cut behind `poll`; no `poll`; no `drop`.
#include "zoo.h"

ZOO_HANDLER(fault)
{
    ToruOpVt vt = {.size = sizeof vt, .poll = zoo_op_poll, .drop = zoo_op_drop};
    switch (zoo_number(ex)) {
    case 0: op->vt = NULL; break;
    case 1: vt.size = 16; op->vt = zoo_at_the_edge(&vt, 16); break;
    case 2: vt.poll = NULL; op->vt = zoo_at_the_edge(&vt, sizeof vt); break;
    case 3: vt.drop = NULL; op->vt = zoo_at_the_edge(&vt, sizeof vt); break;
    }
    return TORU_PENDING;
}

ZOO_FAULT(fault, 0)
