// The C contract in terms of C++: what is owned is released by a destructor, and no exception
// leaves a function that the host called.
//
// Copy it into a project of your own and add what that needs; toru_plugin.h stays the reference.

#ifndef TORU_HPP
#define TORU_HPP

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "toru_plugin.h"

namespace toru {

inline std::string_view view(const ToruSlice &slice)
{
    return {reinterpret_cast<const char *>(slice.ptr), slice.len};
}

inline ToruSlice slice(std::string_view text)
{
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

// Explains an error to people, where the host has room for it.
inline uint32_t fail(ToruError *err, uint32_t code, std::string_view text) noexcept
{
    if (err) {
        err->code = code;
        err->text_len = std::min(text.size(), err->text_cap);
        std::copy_n(text.data(), err->text_len, reinterpret_cast<char *>(err->text));
    }
    return code;
}

// Runs what a host asked for. An exception ends here: `thrown` is told its words, and the host a
// status. Nothing unwinds across the boundary.
template <class Work, class Thrown>
uint32_t guarded(Work work, Thrown thrown) noexcept
{
    try {
        return work();
    } catch (const std::exception &exception) {
        thrown(exception.what());
    } catch (...) {
        thrown("something that is no exception was thrown");
    }
    return TORU_PANICKED;
}

// A request's body. Released exactly once, also when an exception passes by.
struct ReleaseBody {
    void operator()(ToruBody *body) const noexcept { body->vt->release(body); }
};
using Body = std::unique_ptr<ToruBody, ReleaseBody>;

// Bytes that the host handed over: one reference.
struct ReleaseBuf {
    void operator()(const ToruBuf *buf) const noexcept { buf->vt->release(buf); }
};
using Buf = std::unique_ptr<const ToruBuf, ReleaseBuf>;

// A text on its way to the host, which gives it back when it is sent: nothing is copied.
class Text final : private ToruBuf {
  public:
    // The caller owns one reference.
    static ToruBytes make(std::string content)
    {
        auto *text = new Text(std::move(content));
        return {reinterpret_cast<const uint8_t *>(text->content_.data()), text->content_.size(), text};
    }

  private:
    explicit Text(std::string content) : ToruBuf{&TABLE}, content_(std::move(content)) {}

    static void retain(const ToruBuf *buf) noexcept
    {
        static_cast<const Text *>(buf)->references_.fetch_add(1, std::memory_order_relaxed);
    }

    static void release(const ToruBuf *buf) noexcept
    {
        const auto *text = static_cast<const Text *>(buf);
        if (text->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            delete text;
        }
    }

    static constexpr ToruBufVt TABLE{sizeof(ToruBufVt), 0, retain, release};

    std::string content_;
    mutable std::atomic<std::size_t> references_{1};
};

// Answers with JSON.
inline uint32_t respond(const ToruExchange &ex, uint16_t status, std::string json)
{
    ToruHeader type{};
    type.name = slice("content-type");
    type.value = slice("application/json");
    type.flags = TORU_HEADER_STATIC_NAME | TORU_HEADER_STATIC_VALUE;

    ToruResponse response{};
    response.size = sizeof response;
    response.status = status;
    response.body_kind = TORU_BODY_BYTES;
    response.headers = &type;
    response.n_headers = 1;
    response.bytes = Text::make(std::move(json));
    Buf ours(response.bytes.owner);
    const uint32_t answered = ex.vt->respond(&ex, &response);
    if (answered == TORU_DONE) {
        static_cast<void>(ours.release()); // it is the host's now
    }
    return answered;
}

// Answers with an error, as the status word of a host function has it: the host writes the body.
inline uint32_t refuse(const ToruExchange &ex, uint32_t status)
{
    ToruResponse response{};
    response.size = sizeof response;
    response.flags = TORU_RESPONSE_ERROR;
    response.status = status == TORU_TOO_LARGE ? 413 : status == TORU_DISCONNECTED ? 400 : 500;
    return ex.vt->respond(&ex, &response);
}

// Writes an error to the host's log, if it has one.
inline void log_error(const ToruCtx *ctx, std::string_view message) noexcept
{
    const void *table = ctx->vt->ext(ctx, reinterpret_cast<const uint8_t *>(TORU_LOG_ID), sizeof TORU_LOG_ID - 1);
    if (table) {
        ToruLogRecord record{};
        record.size = sizeof record;
        record.level = TORU_LOG_ERROR;
        record.target = slice("cpp_plugin");
        record.message = slice(message);
        static_cast<void>(static_cast<const ToruLog *>(table)->emit(ctx, &record));
    }
}

// Work that goes on when the host polls it: a handler that has to wait is one. Its destructor runs
// when it ended or was cancelled.
class Operation {
  public:
    Operation() = default;
    Operation(const Operation &) = delete;
    Operation &operator=(const Operation &) = delete;
    virtual ~Operation() = default;

    // TORU_PENDING, or how it ended.
    virtual uint32_t poll(const ToruExchange &ex, const ToruWaker *waker) = 0;

    // What an exception in poll had to say.
    virtual void thrown(std::string_view words) const noexcept = 0;

    // Polls for the first time; what has to wait is handed to the host.
    static uint32_t start(std::unique_ptr<Operation> operation, const ToruExchange &ex, const ToruWaker *waker,
                          ToruOp *op)
    {
        const uint32_t status = operation->poll(ex, waker);
        if (status == TORU_PENDING) {
            op->vt = &TABLE;
            op->data = operation.release();
        }
        return status;
    }

  private:
    static uint32_t poll_raw(void *data, const ToruWaker *waker, void *io) noexcept
    {
        auto *operation = static_cast<Operation *>(data);
        const auto *ex = static_cast<const ToruExchange *>(io);
        return guarded([&] { return operation->poll(*ex, waker); },
                       [&](std::string_view words) { operation->thrown(words); });
    }

    static void drop_raw(void *data) noexcept { delete static_cast<Operation *>(data); }

    static constexpr ToruOpVt TABLE{sizeof(ToruOpVt), 0, poll_raw, drop_raw};
};

} // namespace toru

#endif
