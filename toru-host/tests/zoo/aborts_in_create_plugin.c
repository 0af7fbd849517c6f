#include "zoo.h"

uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **out)
{
    abort();
}
