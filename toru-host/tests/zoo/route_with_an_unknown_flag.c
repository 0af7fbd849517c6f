#include "zoo.h"

ZOO_FAULT(zoo_ok, 1u << 31)
