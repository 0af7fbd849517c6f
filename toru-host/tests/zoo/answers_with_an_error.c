// TORU_RESPONSE_ERROR with the status that the number says.
#include "zoo.h"

ZOO_HANDLER(fault)
{
    ToruResponse response = {.size = sizeof response, .flags = TORU_RESPONSE_ERROR, .status = zoo_number(ex)};
    return ex->vt->respond(ex, &response);
}

ZOO_FAULT(fault, 0)
