// No fault: tells its version at `/version`.
#include "zoo.h"

ZOO_HANDLER(version)
{
    return zoo_answer(ex, ZOO_VERSION);
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    zoo_add(registrar, "/version", version, 0);
    return zoo_routes(plugin, registrar, err);
}

ZOO_PLUGIN(.routes = routes)
