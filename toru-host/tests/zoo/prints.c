// Prints a line to the standard output.
#include "zoo.h"

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    puts("printed by the plugin");
    fflush(stdout);
    return TORU_DONE;
}

ZOO_PLUGIN(.init = init)
