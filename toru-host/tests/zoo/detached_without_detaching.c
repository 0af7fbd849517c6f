#include "zoo.h"

ZOO_HANDLER(fault)
{
    return TORU_DETACHED;
}

ZOO_FAULT(fault, 0)
