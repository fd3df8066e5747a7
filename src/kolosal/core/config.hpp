#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kolosal {

/// monostate: not set.
using ConfigValue =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

/// What a setting is. It decides how its text is read and which C++ type it has.
enum class OptionType {
  kBool,     ///< bool; true/false, yes/no, on/off, 1/0
  kInteger,  ///< int64
  kNumber,   ///< double
  kText,     ///< string
  kList,  ///< vector of strings; text is cut at commas, TOML may have an array, or a table for "name=value"
          ///< items
  kDuration,  ///< double, seconds; see parse_duration()
  kBytes,     ///< int64, bytes; see parse_bytes()
};

/// One setting, declared once: key of the TOML file (time_budget), environment variable (KOLOSAL_TIME_BUDGET)
/// and flag
/// (--time-budget) follow from the name.
struct OptionSpec {
  std::string name;  ///< snake_case
  OptionType type = OptionType::kText;
  std::string doc;
  ConfigValue default_value;         ///< Of the C++ type of `type`, or not set.
  std::vector<std::string> choices;  ///< kText: the legal values; empty: any.
  std::optional<double> minimum;     ///< Numbers, durations, bytes: inclusive.
  std::optional<double> maximum;
};

std::string environment_name(std::string_view option);  ///< "time_budget" -> "KOLOSAL_TIME_BUDGET"
std::string flag_name(std::string_view option);         ///< "time_budget" -> "--time-budget"

/// A setting with where its value comes from: "default", "run.toml:3", "environment KOLOSAL_SEED", "flag
/// --seed".
struct ConfigEntry {
  OptionSpec spec;
  ConfigValue value;
  std::string source = "default";
};

/// Where values may come from, weakest first: defaults, file, environment, flags.
struct ConfigSources {
  std::optional<std::filesystem::path> file;
  /// Keys of the file stand at its top or in the table of this name, which wins: [train]. Empty: no such
  /// table.
  std::string section;
  /// Tables of other commands, which are passed over.
  std::vector<std::string> other_sections;
  /// Like std::getenv. Empty: the environment is not read.
  std::function<const char*(const char*)> environment;
  /// The texts of each flag that was given, by option name; a kBool without a text is true.
  std::map<std::string, std::vector<std::string>> flags;
};

/// The settings of one call of the program, each with its source. Immutable.
class Config {
 public:
  /// @throws Error kNotFound when the file does not exist; kInvalidParameter with the source (file and line,
  /// variable, flag), the key, the value and what is expected: for bad TOML, an unknown key (the nearest is
  /// named), a wrong type, a value out of range.
  static Config merge(std::vector<OptionSpec> options, const ConfigSources& sources);

  const std::vector<ConfigEntry>& entries() const { return entries_; }
  const ConfigEntry& entry(std::string_view name) const;
  bool is_set(std::string_view name) const;

  // Values by type. Each asserts that the option exists and has this type; all but the optional ones that it
  // is set.
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;  ///< Also the seconds of a duration.
  std::size_t bytes(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  /// Empty when not set.
  const std::vector<std::string>& list(std::string_view name) const;
  std::optional<std::int64_t> optional_integer(std::string_view name) const;
  std::optional<double> optional_number(std::string_view name) const;
  std::optional<std::size_t> optional_bytes(std::string_view name) const;
  std::optional<std::string> optional_text(std::string_view name) const;

  /// For --print-config: a valid TOML file that gives the same settings (but for passwords in addresses,
  /// which are not shown), with the source of each as a comment.
  std::string to_toml() const;
  /// {"seed": {"value": 1, "source": "flag --seed"}, ...}
  nlohmann::json to_json() const;

 private:
  template <typename T>
  const T* find(std::string_view name) const;
  template <typename T>
  const T& get(std::string_view name) const;

  std::vector<ConfigEntry> entries_;
};

/// Seconds of "60", "60s", "1.5m", "1h", "1h30m", "500ms". @throws Error kInvalidParameter with the text.
double parse_duration(std::string_view text);

/// The value of an option from its text. @throws Error kInvalidParameter; the message starts with `source`.
ConfigValue parse_option(const OptionSpec& spec, std::string_view text, std::string_view source);

}  // namespace kolosal
