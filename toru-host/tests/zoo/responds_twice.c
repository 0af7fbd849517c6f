#include "zoo.h"

ZOO_HANDLER(fault)
{
    zoo_answer(ex, "first");
    zoo_status = zoo_answer(ex, "second");
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
