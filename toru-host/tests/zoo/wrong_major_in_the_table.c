#include "zoo.h"

ZOO_PLUGIN(.abi_major = TORU_ABI_MAJOR + 1)
