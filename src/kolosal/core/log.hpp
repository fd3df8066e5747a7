#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

/// Structured logging: one message and named values, as a line of text or of JSON on stderr. Never on stdout,
/// which belongs to results.
///
///   log::info("run started", {{"rows", n_rows}, {"task", "binary"}});
///
///   2026-03-01 12:00:00.123 info run started rows=48842 task=binary
///   {"time":"2026-03-01T12:00:00.123Z","level":"info","message":"run started","rows":48842,"task":"binary"}
///
/// Threads: all functions may be called from any thread; a line is written whole.
namespace kolosal::log {

enum class Level { kDebug, kInfo, kWarning, kError, kOff };
enum class Format { kText, kJson };

/// "debug", "info", "warning", "error", "off".
std::string_view level_name(Level level);
/// @throws Error kInvalidParameter naming the levels that exist.
Level level_from_name(std::string_view name);
/// "text" or "json". @throws Error kInvalidParameter for another name.
Format format_from_name(std::string_view name);

using FieldValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

/// A named value of a line. Names are snake_case and carry their unit: fit_s, size_bytes.
struct Field {
  template <std::same_as<bool> T>
  Field(std::string_view field, T on) : name(field), value(on) {}
  template <std::signed_integral T>
  Field(std::string_view field, T number) : name(field), value(std::int64_t{number}) {}
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  Field(std::string_view field, T number) : name(field), value(std::uint64_t{number}) {}
  template <std::floating_point T>
  Field(std::string_view field, T number) : name(field), value(static_cast<double>(number)) {}
  Field(std::string_view field, std::string_view text) : name(field), value(std::string(text)) {}
  Field(std::string_view field, const std::string& text) : name(field), value(text) {}
  Field(std::string_view field, const char* text) : name(field), value(std::string(text)) {}

  std::string_view name;
  FieldValue value;
};

using Fields = std::initializer_list<Field>;

struct Options {
  Level level = Level::kWarning;  ///< Lines below it are dropped.
  Format format = Format::kText;
  /// Gets each line, with its newline. Empty: written to stderr. A program that draws a progress bar there
  /// gives a function that clears the bar first. Calls never overlap.
  std::function<void(std::string_view line)> write;
};

/// Replaces the options, for the whole process. Without a call, the defaults of Options hold.
void configure(Options options);

/// Whether a line of this level is written: for values that are costly to make.
bool is_enabled(Level level) noexcept;

void write(Level level, std::string_view message, Fields fields = {});
inline void debug(std::string_view message, Fields fields = {}) { write(Level::kDebug, message, fields); }
inline void info(std::string_view message, Fields fields = {}) { write(Level::kInfo, message, fields); }
inline void warning(std::string_view message, Fields fields = {}) { write(Level::kWarning, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::kError, message, fields); }

}  // namespace kolosal::log
