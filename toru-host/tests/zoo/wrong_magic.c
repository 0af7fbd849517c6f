#include "zoo.h"

ZOO_PLUGIN(.magic = TORU_API_MAGIC ^ 1)
