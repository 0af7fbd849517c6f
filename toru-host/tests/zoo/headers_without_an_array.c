#include "zoo.h"

ZOO_HANDLER(fault)
{
    ToruResponse response = zoo_response("body");
    // By number: none where three are said to be, or more than memory holds.
    response.headers = zoo_number(ex) ? (const ToruHeader *)8 : NULL;
    response.n_headers = zoo_number(ex) ? (size_t)-1 : 3;
    zoo_status = ex->vt->respond(ex, &response);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
