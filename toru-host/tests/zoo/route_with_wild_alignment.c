// No scratch at all, aligned to two gibibytes.
#include "zoo.h"

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    ToruRoute route = {
        .size = sizeof route,
        .methods = TORU_GET,
        .op_align = 1u << 31,
        .pattern = zoo_text("/fault"),
        .start = (void *)zoo_ok,
    };
    return registrar->add(registrar, &route);
}

ZOO_PLUGIN(.routes = routes)
