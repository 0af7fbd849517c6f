#ifdef __cplusplus
} // extern "C"
#endif

// -------------------------------------------------------------------------------------------------
// A plugin's metadata
// -------------------------------------------------------------------------------------------------
//
// TORU_PLUGIN_METADATA, once at file scope, makes the note from which a host learns what the plugin
// is without opening it. All seven arguments are string literals in UTF-8. Author, icon, route and
// description may be "", which leaves them out: a plugin without a route has no page. A constant is
// all it defines; nothing runs.
//
//     TORU_PLUGIN_METADATA("c-hello", "Hello from C", "0.1.0",       // id, name, version
//                          "Toru authors", "*", "",                  // author, icon, no route
//                          "Greets whoever asks");                   // description
//
// The plugin's table repeats the note's descriptor:
//
//     static const ToruPluginApi api = {
//         .size = sizeof(ToruPluginApi),
//         .magic = TORU_API_MAGIC,
//         .abi_major = TORU_ABI_MAJOR,
//         .abi_minor = TORU_ABI_MINOR,
//         .metadata = TORU_METADATA,
//         .metadata_len = TORU_METADATA_LEN,
//         ...
//     };

// Address of the descriptor, a constant expression.
#define TORU_METADATA ((const uint8_t *)&toru_plugin_note.descriptor)
// Length of the descriptor in bytes.
#define TORU_METADATA_LEN (sizeof toru_plugin_note.descriptor)

// The next five can be defined before this header is included, to say more, or something more exact.

// Id of an extension without which the plugin does not run, such as TORU_KV_ID; a host without it then
// refuses the plugin and tells why.
#ifndef TORU_NOTE_REQUIRES
#define TORU_NOTE_REQUIRES ""
#endif

// Licence expression of the plugin, such as "MIT OR Apache-2.0".
#ifndef TORU_NOTE_LICENSE
#define TORU_NOTE_LICENSE ""
#endif

#ifndef TORU_NOTE_COMPILER
#if defined(__VERSION__) && !defined(__clang__)
#define TORU_NOTE_COMPILER "gcc " __VERSION__
#elif defined(__VERSION__)
#define TORU_NOTE_COMPILER __VERSION__
#else
#define TORU_NOTE_COMPILER ""
#endif
#endif

#ifndef TORU_NOTE_PANIC
#if defined(__cpp_exceptions)
#define TORU_NOTE_PANIC "unwind"
#else
#define TORU_NOTE_PANIC "none"
#endif
#endif

#ifndef TORU_NOTE_TARGET
#if defined(__x86_64__) || defined(_M_X64)
#define TORU_NOTE_ARCH_ "x86_64"
#elif defined(__aarch64__) || defined(_M_ARM64)
#define TORU_NOTE_ARCH_ "aarch64"
#elif defined(__riscv)
#define TORU_NOTE_ARCH_ "riscv64gc"
#else
#define TORU_NOTE_ARCH_ "unknown"
#endif
#if defined(__ANDROID__)
#define TORU_NOTE_SYSTEM_ "-linux-android"
#elif defined(__linux__) && defined(__GLIBC__)
#define TORU_NOTE_SYSTEM_ "-unknown-linux-gnu"
#elif defined(__linux__)
#define TORU_NOTE_SYSTEM_ "-unknown-linux-musl"
#elif defined(__APPLE__)
#define TORU_NOTE_SYSTEM_ "-apple-darwin"
#elif defined(_WIN32) && defined(__GNUC__)
#define TORU_NOTE_SYSTEM_ "-pc-windows-gnu"
#elif defined(_WIN32)
#define TORU_NOTE_SYSTEM_ "-pc-windows-msvc"
#elif defined(__FreeBSD__)
#define TORU_NOTE_SYSTEM_ "-unknown-freebsd"
#else
#define TORU_NOTE_SYSTEM_ "-unknown"
#endif
#define TORU_NOTE_TARGET TORU_NOTE_ARCH_ TORU_NOTE_SYSTEM_
#endif

#define TORU_TEXT_OF_(value) #value
#define TORU_TEXT_(value) TORU_TEXT_OF_(value)
#define TORU_NOTE_SDK_ "toru_plugin.h " TORU_TEXT_(TORU_ABI_MAJOR) "." TORU_TEXT_(TORU_ABI_MINOR)

// Where the note goes. Only ELF wraps the descriptor; the alignment is the variable's own, because
// compilers like to raise that of large objects.
#if defined(__APPLE__)
#define TORU_NOTE_PLACE_ __attribute__((used, section("__TEXT,__toru"), aligned(4)))
#elif defined(_WIN32) && defined(_MSC_VER)
#pragma section(".torumd", read)
#define TORU_NOTE_PLACE_ __declspec(allocate(".torumd")) __declspec(align(4))
#elif defined(_WIN32)
#define TORU_NOTE_PLACE_ __attribute__((used, section(".torumd"), aligned(4)))
#else
#define TORU_NOTE_PLACE_ __attribute__((used, section(".note.toru"), aligned(4)))
#define TORU_NOTE_IS_ELF_ 1
#endif

#ifdef TORU_NOTE_IS_ELF_
#define TORU_NOTE_ELF_MEMBERS_ \
    uint32_t owner_len;        \
    uint32_t descriptor_len;   \
    uint32_t type;             \
    uint8_t owner[8];
#define TORU_NOTE_ELF_VALUES_(length) 5, (length), TORU_NOTE_TYPE, TORU_NOTE_OWNER,
#else
#define TORU_NOTE_ELF_MEMBERS_
#define TORU_NOTE_ELF_VALUES_(length)
#endif

// One record with a text: the literal's terminator is the first of the one to four zeros behind it.
#define TORU_NOTE_PADDED_(literal) ((sizeof(literal) + 3) / 4 * 4)
#define TORU_NOTE_RECORD_(name, literal)           \
    struct {                                       \
        uint16_t tag, flags;                       \
        uint32_t length;                           \
        char value[TORU_NOTE_PADDED_("" literal)]; \
    } name
#define TORU_NOTE_VALUE_(tag, literal) {(tag), 0, (uint32_t)(sizeof("" literal) - 1), "" literal}
// An empty text is left out: its record holds nothing, and readers skip it.
#define TORU_NOTE_OPTIONAL_(tag, literal) \
    TORU_NOTE_VALUE_(sizeof("" literal) > 1 ? (tag) : TORU_NOTE_TAG_NONE, literal)

#define TORU_PLUGIN_METADATA(id_, name_, version_, author_, icon_, route_, description_)                 \
    typedef struct {                                                                                     \
        uint8_t magic[16];                                                                               \
        uint16_t format, flags;                                                                          \
        uint32_t length, crc, reserved;                                                                  \
        uint8_t seal[TORU_NOTE_SEAL_LEN];                                                                \
        struct {                                                                                         \
            uint16_t tag, flags;                                                                         \
            uint32_t length;                                                                             \
            uint16_t major, minor;                                                                       \
            uint32_t zeros;                                                                              \
        } abi;                                                                                           \
        TORU_NOTE_RECORD_(id, id_);                                                                      \
        TORU_NOTE_RECORD_(name, name_);                                                                  \
        TORU_NOTE_RECORD_(version, version_);                                                            \
        TORU_NOTE_RECORD_(author, author_);                                                              \
        TORU_NOTE_RECORD_(icon, icon_);                                                                  \
        TORU_NOTE_RECORD_(route, route_);                                                                \
        TORU_NOTE_RECORD_(description, description_);                                                    \
        TORU_NOTE_RECORD_(panic, TORU_NOTE_PANIC);                                                       \
        TORU_NOTE_RECORD_(compiler, TORU_NOTE_COMPILER);                                                 \
        TORU_NOTE_RECORD_(target, TORU_NOTE_TARGET);                                                     \
        TORU_NOTE_RECORD_(sdk, TORU_NOTE_SDK_);                                                          \
        TORU_NOTE_RECORD_(required, TORU_NOTE_REQUIRES);                                                 \
        TORU_NOTE_RECORD_(license, TORU_NOTE_LICENSE);                                                   \
    } ToruPluginNoteDescriptor;                                                                          \
    typedef struct {                                                                                     \
        TORU_NOTE_ELF_MEMBERS_                                                                           \
        ToruPluginNoteDescriptor descriptor;                                                             \
    } ToruPluginNote;                                                                                    \
    TORU_ASSERT_(sizeof("" id_) > 1 && sizeof("" name_) > 1 && sizeof("" version_) > 1,                  \
                 "a plugin has an id, a name and a version")                                             \
    TORU_ASSERT_(sizeof(ToruPluginNoteDescriptor) <= TORU_NOTE_MAX, "metadata fits into 64 KiB")         \
    TORU_ASSERT_(offsetof(ToruPluginNoteDescriptor, abi) == TORU_NOTE_HEADER_LEN, "no gaps in the note") \
    TORU_NOTE_PLACE_ static const ToruPluginNote toru_plugin_note = {                                    \
        TORU_NOTE_ELF_VALUES_((uint32_t)sizeof(ToruPluginNoteDescriptor)) {                              \
            TORU_NOTE_MAGIC, TORU_NOTE_FORMAT, 0, (uint32_t)sizeof(ToruPluginNoteDescriptor), 0, 0, {0}, \
            {TORU_NOTE_TAG_ABI, 0, 4, TORU_ABI_MAJOR, TORU_ABI_MINOR, 0},                                \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_ID, id_),                                                     \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_NAME, name_),                                                 \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_VERSION, version_),                                           \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_AUTHOR, author_),                                          \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_ICON, icon_),                                              \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_ROUTE, route_),                                            \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_DESCRIPTION, description_),                                \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_PANIC, TORU_NOTE_PANIC),                                      \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_COMPILER, TORU_NOTE_COMPILER),                                \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_TARGET, TORU_NOTE_TARGET),                                    \
            TORU_NOTE_VALUE_(TORU_NOTE_TAG_SDK, TORU_NOTE_SDK_),                                         \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_REQUIRES, TORU_NOTE_REQUIRES),                             \
            TORU_NOTE_OPTIONAL_(TORU_NOTE_TAG_LICENSE, TORU_NOTE_LICENSE),                               \
        }}

// -------------------------------------------------------------------------------------------------
// The layout, frozen as numbers
// -------------------------------------------------------------------------------------------------
//
// The same numbers are compared with the Rust types in a test.

#if defined(__cplusplus) && (__cplusplus >= 201103L || (defined(_MSVC_LANG) && _MSVC_LANG >= 201103L))
#define TORU_ASSERT_(condition, text) static_assert(condition, text);
#define TORU_ALIGNOF_(type) alignof(type)
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TORU_ASSERT_(condition, text) _Static_assert(condition, text);
#define TORU_ALIGNOF_(type) _Alignof(type)
#else
#define TORU_ASSERT_(condition, text)
#endif

#define TORU_LAYOUT_(type, size, align) \
    TORU_ASSERT_(sizeof(type) == (size) && TORU_ALIGNOF_(type) == (align), "size of " #type)
#define TORU_OFFSET_(type, field, at) TORU_ASSERT_(offsetof(type, field) == (at), "offset of " #type "." #field)
#define TORU_NUMBER_(name, value) TORU_ASSERT_((name) == (value), "value of " #name)

@LAYOUT@
#undef TORU_LAYOUT_
#undef TORU_OFFSET_
#undef TORU_NUMBER_

#endif // TORU_PLUGIN_H
