// The table ends after ZOO_CUT bytes, and so does the memory that may be read.
#include "zoo.h"

ZOO_API(.size = ZOO_CUT);

uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **out)
{
    *out = zoo_at_the_edge(&zoo_api, ZOO_CUT);
    return TORU_DONE;
}
