// Not a fault: everything else is optional.
#include "zoo.h"

ZOO_PLUGIN(.init = NULL, .routes = NULL, .frontend = NULL, .shutdown = NULL, .ext = NULL)
