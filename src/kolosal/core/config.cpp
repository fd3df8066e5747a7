#include "kolosal/core/config.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "kolosal/core/error.hpp"
#include "kolosal/core/memory.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/core/passwords.hpp"
#include "kolosal/core/toml_library.hpp"

namespace kolosal {
namespace {

/// What the value of a type looks like, for messages.
std::string expected(const OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::kBool:
      return "true or false";
    case OptionType::kInteger:
      return "an integer";
    case OptionType::kNumber:
      return "a number";
    case OptionType::kList:
      return "a list of texts";
    case OptionType::kDuration:
      return "a duration such as 60, 90s, 5m or 1h";
    case OptionType::kBytes:
      return "an amount of memory such as 512MB, 4GB or 1.5GiB";
    case OptionType::kText:
      break;
  }
  return spec.choices.empty() ? "a text" : fmt::format("one of {}", fmt::join(spec.choices, ", "));
}

[[noreturn]] void refuse(const OptionSpec& spec, std::string_view source, std::string_view value) {
  throw Error(ErrorCode::kInvalidParameter, "{}: {} must be {}, not {}", source, spec.name, expected(spec),
              value);
}

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

std::vector<std::string> cut_at_commas(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const auto begin = item.find_first_not_of(' ');
    if (begin == std::string_view::npos) continue;
    out.emplace_back(item.substr(begin, item.find_last_not_of(' ') - begin + 1));
  }
  return out;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number out{};
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return out;
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const char* word : {"true", "yes", "on", "1"})
    if (text == word) return true;
  for (const char* word : {"false", "no", "off", "0"})
    if (text == word) return false;
  return {};
}

/// Checks the limits and choices of a value of the right type; `shown` is how the user wrote it.
ConfigValue checked(const OptionSpec& spec, ConfigValue value, std::string_view source,
                    std::string_view shown) {
  std::optional<double> number;
  if (const auto* i = std::get_if<std::int64_t>(&value)) number = static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value)) number = *d;
  if (number && std::isnan(*number)) refuse(spec, source, shown);
  if (number && spec.minimum && *number < *spec.minimum)
    throw Error(ErrorCode::kInvalidParameter, "{}: {} must be at least {}, not {}", source, spec.name,
                *spec.minimum, shown);
  if (number && spec.maximum && *number > *spec.maximum)
    throw Error(ErrorCode::kInvalidParameter, "{}: {} must be at most {}, not {}", source, spec.name,
                *spec.maximum, shown);
  const auto* text = std::get_if<std::string>(&value);
  if (text && !spec.choices.empty() && std::ranges::find(spec.choices, *text) == spec.choices.end()) {
    const std::string near = nearest_name(*text, spec.choices);
    throw Error(ErrorCode::kInvalidParameter, "{}: {} must be {}, not {}{}", source, spec.name,
                expected(spec), shown, near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  }
  return value;
}

/// The value of a kind from text, without limits; empty when it can not be read.
std::optional<ConfigValue> read_text(OptionType type, std::string_view text) {
  const auto wrap = [](const auto& value) -> std::optional<ConfigValue> {
    if (!value) return {};
    return ConfigValue(*value);
  };
  switch (type) {
    case OptionType::kBool:
      return wrap(parse_bool(text));
    case OptionType::kInteger:
      return wrap(parse_number<std::int64_t>(text));
    case OptionType::kNumber:
      return wrap(parse_number<double>(text));
    case OptionType::kText:
      return ConfigValue(std::string(text));
    case OptionType::kList:
      return ConfigValue(cut_at_commas(text));
    case OptionType::kDuration:
      return ConfigValue(parse_duration(text));
    case OptionType::kBytes:
      return ConfigValue(static_cast<std::int64_t>(parse_bytes(text)));
  }
  return {};
}

// ---- TOML ---------------------------------------------------------------------------------------------

std::string written(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  std::string text = out.str();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  return written(node);
}

ConfigValue list_from_toml(const OptionSpec& spec, const toml::node& node, std::string_view source) {
  std::vector<std::string> out;
  if (const auto* array = node.as_array()) {
    for (const auto& item : *array) {
      if (item.is_array() || item.is_table()) refuse(spec, source, written(node));
      out.push_back(scalar_text(item));
    }
  } else if (const auto* table = node.as_table()) {
    for (const auto& [key, item] : *table) {
      if (item.is_array() || item.is_table()) refuse(spec, source, written(node));
      out.push_back(fmt::format("{}={}", key.str(), scalar_text(item)));
    }
  } else {
    out = cut_at_commas(scalar_text(node));
  }
  return out;
}

ConfigValue value_from_toml(const OptionSpec& spec, const toml::node& node, std::string_view source) {
  if (spec.type == OptionType::kList) return list_from_toml(spec, node, source);
  if (const auto* text = node.as_string()) {
    // A quoted number is a mistake ("seed = '1'"); durations and amounts of memory are texts by nature.
    if (spec.type != OptionType::kText && spec.type != OptionType::kDuration &&
        spec.type != OptionType::kBytes)
      refuse(spec, source, in_quotes(text->get()));
    return parse_option(spec, text->get(), source);
  }
  const auto* integer = node.as_integer();
  const auto* number = node.as_floating_point();
  const bool wants_number = spec.type == OptionType::kNumber || spec.type == OptionType::kDuration;
  std::optional<ConfigValue> value;
  if (spec.type == OptionType::kBool && node.is_boolean()) value = node.as_boolean()->get();
  if (integer && (spec.type == OptionType::kInteger || spec.type == OptionType::kBytes))
    value = integer->get();
  if (integer && wants_number) value = static_cast<double>(integer->get());
  if (number && wants_number) value = number->get();
  const bool negative = spec.type == OptionType::kDuration || spec.type == OptionType::kBytes
                            ? (integer && integer->get() < 0) || (number && !(number->get() >= 0))
                            : false;
  if (!value || negative) refuse(spec, source, written(node));
  return checked(spec, std::move(*value), source, written(node));
}

std::string with_underscores(std::string_view key) {
  std::string out(key);
  std::ranges::replace(out, '-', '_');
  return out;
}

class FileReader {
 public:
  FileReader(std::vector<ConfigEntry>& entries, const ConfigSources& sources)
      : entries_(entries), sources_(sources), name_(sources.file->string()) {}

  void read() {
    const toml::table root = parse();
    const toml::table* own = nullptr;
    for (const auto& [key, node] : root) {
      if (node.is_table() && key.str() == sources_.section && !find(key.str())) {
        own = node.as_table();
      } else if (!node.is_table() ||
                 std::ranges::find(sources_.other_sections, key.str()) == sources_.other_sections.end()) {
        set(key, node);
      }
    }
    if (own)
      for (const auto& [key, node] : *own) set(key, node);
  }

 private:
  toml::table parse() const {
    std::error_code error;
    if (!std::filesystem::exists(*sources_.file, error))
      throw Error(ErrorCode::kNotFound, "configuration file not found: {}", name_);
    std::ifstream file(name_, std::ios::binary);
    std::ostringstream text;
    if (std::filesystem::is_directory(*sources_.file, error) || !file)
      throw Error(ErrorCode::kIo, "configuration file can not be read: {}", name_);
    if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
    try {
      return toml::parse(text.str(), name_);
    } catch (const toml::parse_error& e) {
      throw Error(ErrorCode::kInvalidParameter, "{}:{}:{}: not valid TOML: {}", name_, e.source().begin.line,
                  e.source().begin.column, e.description());
    }
  }

  ConfigEntry* find(std::string_view key) {
    const std::string name = with_underscores(key);
    for (ConfigEntry& entry : entries_)
      if (entry.spec.name == name) return &entry;
    return nullptr;
  }

  void set(const toml::key& key, const toml::node& node) {
    const std::string source = fmt::format("{}:{}", name_, key.source().begin.line);
    ConfigEntry* entry = find(key.str());
    if (!entry) unknown(key.str(), node.is_table(), source);
    entry->value = value_from_toml(entry->spec, node, source);
    entry->source = source;
  }

  [[noreturn]] void unknown(std::string_view key, bool is_table, const std::string& source) const {
    std::vector<std::string> known;
    for (const ConfigEntry& entry : entries_) known.push_back(entry.spec.name);
    if (is_table) {
      if (!sources_.section.empty()) known.push_back(sources_.section);
      known.insert(known.end(), sources_.other_sections.begin(), sources_.other_sections.end());
    }
    const std::string near = nearest_name(with_underscores(key), known);
    throw Error(ErrorCode::kInvalidParameter, "{}: unknown {} \"{}\"{}", source, is_table ? "table" : "key",
                key, near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
  }

  std::vector<ConfigEntry>& entries_;
  const ConfigSources& sources_;
  std::string name_;
};

void read_environment(std::vector<ConfigEntry>& entries, const ConfigSources& sources) {
  for (ConfigEntry& entry : entries) {
    const std::string name = environment_name(entry.spec.name);
    const char* text = sources.environment(name.c_str());
    if (!text || !*text) continue;  // an empty variable is as good as none
    const std::string source = "environment " + name;
    entry.value = parse_option(entry.spec, text, source);
    entry.source = source;
  }
}

void read_flags(std::vector<ConfigEntry>& entries, const ConfigSources& sources) {
  for (const auto& [name, texts] : sources.flags) {
    const auto entry = std::ranges::find(entries, name, [](const ConfigEntry& e) { return e.spec.name; });
    KOLOSAL_ASSERT(entry != entries.end(), "flags are made from the same options");
    const std::string source = "flag " + flag_name(name);
    if (entry->spec.type == OptionType::kList)
      entry->value = cut_at_commas(fmt::format("{}", fmt::join(texts, ",")));
    else if (texts.empty())
      entry->value = parse_option(entry->spec, entry->spec.type == OptionType::kBool ? "true" : "", source);
    else
      entry->value = parse_option(entry->spec, texts.back(), source);
    entry->source = source;
  }
}

std::string toml_text(const ConfigValue& value) {
  std::ostringstream out;
  if (const auto* b = std::get_if<bool>(&value)) out << (*b ? "true" : "false");
  if (const auto* i = std::get_if<std::int64_t>(&value)) out << *i;
  if (const auto* d = std::get_if<double>(&value)) out << toml::value<double>(*d);
  if (const auto* s = std::get_if<std::string>(&value)) out << toml::value<std::string>(*s);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    out << '[';
    for (std::size_t i = 0; i < list->size(); ++i)
      out << (i ? ", " : "") << toml::value<std::string>((*list)[i]);
    out << ']';
  }
  return out.str();
}

}  // namespace

std::string environment_name(std::string_view option) {
  std::string out = "KOLOSAL_";
  for (const char c : option) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

std::string flag_name(std::string_view option) {
  std::string out = "--" + std::string(option);
  std::ranges::replace(out, '_', '-');
  return out;
}

double parse_duration(std::string_view text) {
  double total = 0;
  std::string_view rest = text;
  bool good = !rest.empty();
  double last_unit = std::numeric_limits<double>::infinity();  // units go from large to small: 1h30m
  while (good && !rest.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    good = error == std::errc{} && std::isfinite(number) && !std::signbit(number);
    if (!good) break;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::string_view unit = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(unit.size());
    const double seconds = unit == "h"                    ? 3600
                           : unit == "m" || unit == "min" ? 60
                           : unit == "s"                  ? 1
                           : unit == "ms"                 ? 1e-3
                                                          : 0;
    const bool plain = unit.empty() && total == 0 && rest.empty() && std::isinf(last_unit);
    good = plain || (seconds > 0 && seconds < last_unit);
    last_unit = seconds;
    total += number * (plain ? 1 : seconds);
  }
  if (good) return total;
  throw Error(ErrorCode::kInvalidParameter,
              "a duration is a number of seconds or such as 90s, 5m, 1h or 1h30m, not \"{}\"", text);
}

ConfigValue parse_option(const OptionSpec& spec, std::string_view text, std::string_view source) {
  std::optional<ConfigValue> value;
  try {
    value = read_text(spec.type, text);
  } catch (const Error&) {
    // The message below names the source and the option as well.
  }
  if (!value) refuse(spec, source, in_quotes(text));
  return checked(spec, std::move(*value), source, in_quotes(text));
}

Config Config::merge(std::vector<OptionSpec> options, const ConfigSources& sources) {
  Config out;
  for (OptionSpec& spec : options) {
    ConfigValue value = spec.default_value;
    out.entries_.push_back({std::move(spec), std::move(value), "default"});
  }
  if (sources.file) FileReader(out.entries_, sources).read();
  if (sources.environment) read_environment(out.entries_, sources);
  read_flags(out.entries_, sources);
  return out;
}

const ConfigEntry& Config::entry(std::string_view name) const {
  const auto found =
      std::ranges::find(entries_, name, [](const ConfigEntry& e) -> std::string_view { return e.spec.name; });
  KOLOSAL_ASSERT(found != entries_.end(), "the option is declared");
  return *found;
}

bool Config::is_set(std::string_view name) const { return entry(name).value.index() != 0; }

template <typename T>
const T* Config::find(std::string_view name) const {
  const ConfigValue& value = entry(name).value;
  KOLOSAL_ASSERT(value.index() == 0 || std::holds_alternative<T>(value),
                 "the option is asked for by its type");
  return std::get_if<T>(&value);
}

template <typename T>
const T& Config::get(std::string_view name) const {
  const T* value = find<T>(name);
  KOLOSAL_ASSERT(value, "the option is set or has a default");
  return *value;
}

bool Config::flag(std::string_view name) const { return get<bool>(name); }
std::int64_t Config::integer(std::string_view name) const { return get<std::int64_t>(name); }
double Config::number(std::string_view name) const { return get<double>(name); }
std::size_t Config::bytes(std::string_view name) const {
  return static_cast<std::size_t>(get<std::int64_t>(name));
}
const std::string& Config::text(std::string_view name) const { return get<std::string>(name); }

const std::vector<std::string>& Config::list(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto* value = find<std::vector<std::string>>(name);
  return value ? *value : kNone;
}

std::optional<std::int64_t> Config::optional_integer(std::string_view name) const {
  const auto* value = find<std::int64_t>(name);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<double> Config::optional_number(std::string_view name) const {
  const auto* value = find<double>(name);
  return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::size_t> Config::optional_bytes(std::string_view name) const {
  const auto* value = find<std::int64_t>(name);
  return value ? std::optional(static_cast<std::size_t>(*value)) : std::nullopt;
}

std::optional<std::string> Config::optional_text(std::string_view name) const {
  const auto* value = find<std::string>(name);
  return value ? std::optional(*value) : std::nullopt;
}

std::string Config::to_toml() const {
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t width = 0;
  for (const ConfigEntry& entry : entries_) {
    const bool set = entry.value.index() != 0;
    lines.emplace_back(
        set ? fmt::format("{} = {}", entry.spec.name, without_passwords(toml_text(entry.value)))
            : fmt::format("# {} =", entry.spec.name),
        set ? entry.source : "not set");
    width = std::max(width, std::min<std::size_t>(48, lines.back().first.size()));
  }
  std::string out;
  for (const auto& [setting, source] : lines) out += fmt::format("{:<{}}  # {}\n", setting, width, source);
  return out;
}

nlohmann::json Config::to_json() const {
  auto out = nlohmann::json::object();
  for (const ConfigEntry& entry : entries_) {
    nlohmann::json value;
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::string>)
            value = without_passwords(v);
          else if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::monostate>)
            value = v;
        },
        entry.value);
    out[entry.spec.name] = {{"value", std::move(value)}, {"source", entry.source}};
  }
  return out;
}

}  // namespace kolosal
