// Two routes: ZOO_FIRST and ZOO_SECOND.
#include "zoo.h"

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    zoo_add(registrar, ZOO_FIRST, zoo_ok, 0);
    return zoo_add(registrar, ZOO_SECOND, zoo_ok, 0);
}

ZOO_PLUGIN(.routes = routes)
