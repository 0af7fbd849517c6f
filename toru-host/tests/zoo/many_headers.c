// As many as the number says; a negative one is the length of the only header's value.
#include "zoo.h"

ZOO_HANDLER(fault)
{
    static ToruHeader all[1000];
    static char value[64 * 1024];
    int n = zoo_number(ex);
    memset(value, 'v', sizeof value);
    ToruResponse response = zoo_response("body");
    for (int i = 0; i < n; i++) all[i] = (ToruHeader){zoo_text("x-many"), zoo_text("1")};
    if (n < 0) all[0] = (ToruHeader){zoo_text("x-long"), {.ptr = (const uint8_t *)value, .len = -n}};
    response.headers = all;
    response.n_headers = n < 0 ? 1 : n;
    zoo_status = ex->vt->respond(ex, &response);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
