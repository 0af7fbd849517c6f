#ifndef TORU_PLUGIN_H
#define TORU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "toru_plugin.h covers little-endian targets only"
#endif
#if SIZE_MAX != UINT64_MAX
#error "toru_plugin.h covers 64-bit targets only"
#endif

// Stands before the one function that a plugin exports. Hide the others: -fvisibility=hidden.
#if defined(_WIN32) || defined(__CYGWIN__)
#define TORU_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define TORU_EXPORT __attribute__((visibility("default")))
#else
#define TORU_EXPORT
#endif

// Whether a field lies wholly within a table: the rule of growth. table points to it.
//
//     if (TORU_HAS(ctx->vt, info) && ctx->vt->info) { ... }
#define TORU_HAS(table, field) \
    ((size_t)((const char *)(&(table)->field + 1) - (const char *)(table)) <= (size_t)(table)->size)

#ifdef __cplusplus
extern "C" {
#endif
