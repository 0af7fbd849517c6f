#include "zoo.h"

ZOO_PLUGIN()
