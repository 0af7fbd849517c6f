#include "zoo.h"

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    ToruRoute route = {
        .size = sizeof route - 8,
        .methods = TORU_GET,
        .pattern = zoo_text("/fault"),
        .start = (void *)zoo_ok,
    };
    return registrar->add(registrar, zoo_at_the_edge(&route, sizeof route - 8));
}

ZOO_PLUGIN(.routes = routes)
