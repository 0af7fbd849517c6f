// With or without an answer before.
#include "zoo.h"

ZOO_HANDLER(fault)
{
    if (zoo_number(ex)) zoo_answer(ex, "and then nonsense");
    return 4711;
}

ZOO_FAULT(fault, 0)
