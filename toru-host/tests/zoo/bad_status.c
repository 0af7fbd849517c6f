#include "zoo.h"

ZOO_HANDLER(fault)
{
    ToruResponse response = zoo_response("body");
    response.status = zoo_number(ex);
    zoo_status = ex->vt->respond(ex, &response);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
