#include "zoo.h"

ZOO_FAULT(NULL, 0)
