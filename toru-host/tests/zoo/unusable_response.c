// By number: none, one that is too short, an unknown flag, an unknown tail that is set. One that is zero is fine.
#include "zoo.h"

ZOO_HANDLER(fault)
{
    struct {
        ToruResponse known;
        uint64_t unknown[4];
    } response = {zoo_response("body"), {1, 2, 3, 4}};
    const ToruResponse *given = &response.known;
    switch (zoo_number(ex)) {
    case 0: given = NULL; break;
    case 1: response.known.size -= 8, given = zoo_at_the_edge(given, sizeof *given - 8); break;
    case 2: response.known.size = 8, given = zoo_at_the_edge(given, 8); break;
    case 3: response.known.flags = 1u << 31; break;
    case 4: response.known.size = sizeof response; break;
    case 5: response.known.size = sizeof response, memset(response.unknown, 0, sizeof response.unknown); break;
    }
    zoo_status = ex->vt->respond(ex, given);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
