#include "zoo.h"

ZOO_PLUGIN(.create = NULL)
