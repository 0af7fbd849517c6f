#include "zoo.h"

ZOO_PLUGIN(.destroy = NULL)
