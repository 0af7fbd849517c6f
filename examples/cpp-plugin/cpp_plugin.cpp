// A Toru plugin in C++17: the C contract, with RAII around it.
//
//   POST /words            counts the words of the body, which is read frame by frame
//   GET  /element/{index}  throws for an index that is none: a 500 for that request, and nothing else
//
// Read it from the bottom, as the host does.

#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <stdexcept>

#include "toru.hpp"

TORU_PLUGIN_METADATA("cpp-words", "Words from C++", "0.1.0", // id, name, version
                     "Toru authors", "➕", "",               // author, icon, and no page
                     "Counts words");                        // description

namespace {

// ---- POST /words --------------------------------------------------------------------------------

// Most different words that are told apart.
constexpr std::size_t WORDS_MAX = 10'000;
// Longest word in bytes; what is longer is counted by its beginning.
constexpr std::size_t WORD_MAX = 40;

class CountWords final : public toru::Operation {
  public:
    CountWords(const ToruCtx *ctx, toru::Body body) : ctx_(ctx), body_(std::move(body)) {}

    uint32_t poll(const ToruExchange &ex, const ToruWaker *waker) override
    {
        while (body_) {
            ToruFrame frame{};
            frame.size = sizeof frame;
            const uint32_t status = body_->vt->poll(body_.get(), waker, &frame);
            if (status == TORU_PENDING) {
                return TORU_PENDING;
            }
            if (status == TORU_END) {
                break;
            }
            if (status != TORU_DONE) {
                return toru::refuse(ex, status); // too large, or the client has gone away
            }
            // Lent bytes have no owner; others are released when this goes out of scope.
            const toru::Buf owner((frame.flags & TORU_FRAME_BORROWED) ? nullptr : frame.bytes.owner);
            if (frame.kind == TORU_FRAME_DATA) {
                read({reinterpret_cast<const char *>(frame.bytes.ptr), frame.bytes.len});
            }
        }
        body_.reset();
        end_word();
        return toru::respond(ex, 200, answer());
    }

    void thrown(std::string_view words) const noexcept override { toru::log_error(ctx_, words); }

  private:
    void read(std::string_view text)
    {
        for (const char c : text) {
            if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
                end_word();
            } else if (word_.size() < WORD_MAX) {
                word_.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
            }
        }
    }

    void end_word()
    {
        if (word_.empty()) {
            return;
        }
        if (counts_.size() < WORDS_MAX || counts_.count(word_) > 0) {
            ++counts_[word_];
        }
        word_.clear();
    }

    std::string answer() const
    {
        std::string json = "{";
        for (const auto &[word, count] : counts_) {
            json += (json.size() > 1 ? ",\"" : "\"") + word + "\":" + std::to_string(count);
        }
        return json + "}";
    }

    const ToruCtx *ctx_;
    toru::Body body_;
    std::string word_;
    std::map<std::string, std::size_t> counts_;
};

// ---- The plugin ---------------------------------------------------------------------------------

class Plugin {
  public:
    void init(const ToruCtx *ctx) { ctx_ = ctx; }

    void thrown(std::string_view words) const noexcept { toru::log_error(ctx_, words); }

    uint32_t words(const ToruExchange &ex, const ToruWaker *waker, ToruOp *op) const
    {
        toru::Body body(ex.vt->body(&ex));
        return toru::Operation::start(std::make_unique<CountWords>(ctx_, std::move(body)), ex, waker, op);
    }

    uint32_t element(const ToruExchange &ex, const ToruWaker *, ToruOp *) const
    {
        static constexpr std::array<std::string_view, 4> ELEMENTS{"earth", "water", "air", "fire"};
        const std::string_view text = toru::view(ex.params[0]);
        std::size_t index = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
        if (error != std::errc() || end != text.data() + text.size()) {
            return toru::respond(ex, 400, "{\"error\":\"the index is a number\"}");
        }
        // Throws beyond the last one, which nobody here catches: the guard around the handler does.
        return toru::respond(ex, 200, "{\"element\":\"" + std::string(ELEMENTS.at(index)) + "\"}");
    }

  private:
    const ToruCtx *ctx_ = nullptr;
};

// ---- The functions of the table -----------------------------------------------------------------

// A member function as the host calls it.
template <uint32_t (Plugin::*method)(const ToruExchange &, const ToruWaker *, ToruOp *) const>
uint32_t handler(const void *, const void *instance, const ToruExchange *ex, const ToruWaker *waker, uint8_t *,
                 ToruOp *op) noexcept
{
    const auto *plugin = static_cast<const Plugin *>(instance);
    return toru::guarded([&] { return (plugin->*method)(*ex, waker, op); },
                         [&](std::string_view words) { plugin->thrown(words); });
}

uint32_t create(const ToruHost *, void **out, ToruError *err) noexcept
{
    return toru::guarded(
        [&] {
            *out = std::make_unique<Plugin>().release();
            return static_cast<uint32_t>(TORU_DONE);
        },
        [&](std::string_view words) { toru::fail(err, TORU_PANICKED, words); });
}

uint32_t init(void *instance, const ToruCtx *ctx, const ToruWaker *, ToruOp *, ToruError *err) noexcept
{
    return toru::guarded(
        [&] {
            static_cast<Plugin *>(instance)->init(ctx);
            return static_cast<uint32_t>(TORU_DONE);
        },
        [&](std::string_view words) { toru::fail(err, TORU_PANICKED, words); });
}

uint32_t routes(void *, const ToruRegistrar *registrar, ToruError *err) noexcept
{
    const auto add = [&](uint32_t methods, std::string_view pattern, auto start) {
        ToruRoute route{};
        route.size = sizeof route;
        route.methods = methods;
        route.pattern = toru::slice(pattern);
        route.start = start;
        return registrar->add(registrar, &route);
    };
    uint32_t status = add(TORU_POST, "/words", handler<&Plugin::words>);
    if (status == TORU_DONE) {
        status = add(TORU_GET, "/element/{index}", handler<&Plugin::element>);
    }
    return status == TORU_DONE ? status : toru::fail(err, status, "the host refused a route");
}

void destroy(void *instance) noexcept
{
    delete static_cast<Plugin *>(instance);
}

const ToruPluginApi API = [] {
    ToruPluginApi api{};
    api.size = sizeof api;
    api.magic = TORU_API_MAGIC;
    api.abi_major = TORU_ABI_MAJOR;
    api.abi_minor = TORU_ABI_MINOR;
    api.metadata = TORU_METADATA;
    api.metadata_len = TORU_METADATA_LEN;
    api.create = create;
    api.init = init;
    api.routes = routes;
    api.destroy = destroy;
    return api;
}();

} // namespace

uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **out)
{
    if (!loader || !out) {
        return TORU_INVALID;
    }
    if (loader->abi_major != TORU_ABI_MAJOR) {
        return TORU_UNSUPPORTED;
    }
    *out = &API;
    return TORU_DONE;
}
