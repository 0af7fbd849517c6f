#include "zoo.h"

ZOO_HANDLER(fault)
{
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
