#include "zoo.h"

ZOO_API();

uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **out)
{
    static char memory[sizeof zoo_api + 8] __attribute__((aligned(8)));
    *out = (void *)memcpy(memory + 1, &zoo_api, sizeof zoo_api);
    return TORU_DONE;
}
