#include "kolosal/core/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"

// The fmt of core/fmt_library.cpp, not the copy inside spdlog.
#ifndef SPDLOG_FMT_EXTERNAL
#define SPDLOG_FMT_EXTERNAL
#endif
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

namespace kolosal::log {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error", "off"};
constexpr std::array kSpdlogLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                      spdlog::level::err, spdlog::level::off};
constexpr const char* kTextPattern = "%Y-%m-%d %H:%M:%S.%e %l %v";
// The message and the fields are JSON already: see json_payload().
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

/// Hands each finished line to the function of Options, or to stderr. base_sink holds the lock.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (write_)
      write_({line.data(), line.size()});
    else
      std::fwrite(line.data(), 1, line.size(), stderr);  // a lost log line is no reason to fail
  }
  void flush_() override { std::fflush(stderr); }

  std::function<void(std::string_view)> write_;
};

/// Valid JSON whatever the bytes are: invalid UTF-8 becomes U+FFFD, an infinite or missing number null.
std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_payload(std::string_view message, Fields fields) {
  std::string out = "\"message\":" + json_text(message);
  for (const Field& field : fields) {
    const auto value = std::visit([](const auto& v) { return json_text(nlohmann::json(v)); }, field.value);
    out += fmt::format(",{}:{}", json_text(field.name), value);
  }
  return out;
}

/// As it stands, or in JSON quotes when the line could not be taken apart again otherwise.
std::string plain_text(const std::string& text) {
  const auto special = [](unsigned char c) { return c <= ' ' || c == '"' || c == '=' || c == 0x7f; };
  if (text.empty() || std::ranges::any_of(text, special)) return json_text(text);
  return text;
}

std::string text_payload(std::string_view message, Fields fields) {
  std::string out(message);
  for (char& c : out)
    if (c == '\n' || c == '\r') c = ' ';
  for (const Field& field : fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    const auto value = text ? plain_text(*text)
                            : std::visit([](const auto& v) { return fmt::format("{}", v); }, field.value);
    out += fmt::format(" {}={}", field.name, value);
  }
  return out;
}

struct Logger {
  spdlog::logger spdlog;
  Format format;

  explicit Logger(Options options)
      : spdlog("kolosal", std::make_shared<LineSink>(std::move(options.write))), format(options.format) {
    const bool json = format == Format::kJson;
    spdlog.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        json ? kJsonPattern : kTextPattern,
        json ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local, "\n"));
    spdlog.set_level(kSpdlogLevels[static_cast<std::size_t>(options.level)]);
    spdlog.flush_on(spdlog::level::warn);
  }
};

std::atomic<Level> current_level{Options{}.level};

/// The logger in use and its lock. (Not std::atomic<std::shared_ptr>: the thread sanitizer does not
/// understand g++ 12's.)
struct Current {
  std::mutex mutex;
  std::shared_ptr<Logger> logger = std::make_shared<Logger>(Options{});
};

/// Never destroyed: a thread may log while the process ends.
Current& current() {
  static auto& value = *std::make_unique<Current>().release();
  return value;
}

}  // namespace

std::string_view level_name(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

Level level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i)
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  throw Error(ErrorCode::kInvalidParameter,
              "the log level must be one of debug, info, warning, error, off, not \"{}\"", name);
}

Format format_from_name(std::string_view name) {
  if (name == "text") return Format::kText;
  if (name == "json") return Format::kJson;
  throw Error(ErrorCode::kInvalidParameter, "the log format must be text or json, not \"{}\"", name);
}

void configure(Options options) {
  const Level level = options.level;
  auto logger = std::make_shared<Logger>(std::move(options));
  {
    const std::lock_guard lock(current().mutex);
    current().logger.swap(logger);
  }
  current_level.store(level, std::memory_order_relaxed);
}

bool is_enabled(Level level) noexcept {
  return level != Level::kOff && level >= current_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, Fields fields) {
  if (!is_enabled(level)) return;
  std::shared_ptr<Logger> logger;
  {
    const std::lock_guard lock(current().mutex);
    logger = current().logger;
  }
  const auto line =
      logger->format == Format::kJson ? json_payload(message, fields) : text_payload(message, fields);
  logger->spdlog.log(kSpdlogLevels[static_cast<std::size_t>(level)], spdlog::string_view_t(line));
}

}  // namespace kolosal::log
