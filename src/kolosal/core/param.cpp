#include "kolosal/core/param.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace kolosal {
namespace {

const char* type_name(const ParamValue& value) {
  constexpr const char* kNames[] = {"true or false", "an integer", "a number", "a text"};
  return kNames[value.index()];
}

std::optional<double> parse_number(const std::string& text) {
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

std::optional<double> as_number(const ParamValue& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value)) return *d;
  if (const auto* s = std::get_if<std::string>(&value)) return parse_number(*s);
  return {};
}

std::optional<ParamValue> cast_like(const ParamValue& wanted, const ParamValue& value) {
  if (wanted.index() == value.index()) return value;
  if (std::holds_alternative<bool>(wanted)) {
    const auto* s = std::get_if<std::string>(&value);
    if (s && (*s == "true" || *s == "false")) return ParamValue(*s == "true");
    return {};
  }
  if (std::holds_alternative<std::string>(wanted)) return ParamValue(to_string(value));
  const auto number = as_number(value);
  if (!number) return {};
  if (std::holds_alternative<double>(wanted)) return ParamValue(*number);
  if (std::floor(*number) != *number || std::abs(*number) > 9e15) return {};
  return ParamValue(static_cast<std::int64_t>(*number));
}

std::string legal_numbers(const ParamSpec& spec) {
  if (spec.minimum && spec.maximum) return fmt::format("between {} and {}", *spec.minimum, *spec.maximum);
  return spec.minimum ? fmt::format("at least {}", *spec.minimum) : fmt::format("at most {}", *spec.maximum);
}

}  // namespace

ParamRange linear_range(double low, double high) { return {low, high, ParamRange::Scale::kLinear, {}}; }
ParamRange log_range(double low, double high) { return {low, high, ParamRange::Scale::kLog, {}}; }
ParamRange choice(std::vector<ParamValue> values) {
  return {0, 0, ParamRange::Scale::kLinear, std::move(values)};
}

std::string to_string(const ParamValue& value) {
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  if (const auto* i = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  return std::get<std::string>(value);
}

nlohmann::json to_json(const ParamMap& params) {
  auto out = nlohmann::json::object();
  for (const auto& [name, value] : params) std::visit([&](const auto& v) { out[name] = v; }, value);
  return out;
}

ParamMap params_from_json(const nlohmann::json& object) {
  ParamMap out;
  for (const auto& [name, value] : object.items()) {
    if (value.is_boolean())
      out[name] = value.get<bool>();
    else if (value.is_number_integer())
      out[name] = value.get<std::int64_t>();
    else if (value.is_number())
      out[name] = value.get<double>();
    else if (value.is_string())
      out[name] = value.get<std::string>();
    else
      throw Error(ErrorCode::kInvalidParameter, "parameter {} must be a single value, not {}", name,
                  value.dump());
  }
  return out;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : known) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t substitute =
            diagonal + (std::tolower(name[i]) != std::tolower(candidate[j]) ? 1 : 0);
        diagonal = row[j + 1];
        row[j + 1] = std::min({substitute, row[j] + 1, diagonal + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

namespace detail {

ParamValue convert_param(const ParamSpec& spec, const ParamValue& value) {
  const auto cast = cast_like(spec.default_value, value);
  if (!cast)
    throw Error(ErrorCode::kInvalidParameter, "parameter {} must be {}, not \"{}\"", spec.name,
                type_name(spec.default_value), to_string(value));
  const auto number = std::holds_alternative<std::string>(*cast) ? std::nullopt : as_number(*cast);
  const bool too_small = number && spec.minimum && !(*number >= *spec.minimum);
  const bool too_large = number && spec.maximum && !(*number <= *spec.maximum);
  if (too_small || too_large)
    throw Error(ErrorCode::kInvalidParameter, "parameter {} must be {}, not {}", spec.name,
                legal_numbers(spec), *number);
  if (std::holds_alternative<std::string>(*cast) && spec.search && !spec.search->choices.empty() &&
      std::ranges::find(spec.search->choices, *cast) == spec.search->choices.end()) {
    std::string known;
    for (const auto& option : spec.search->choices) known += (known.empty() ? "" : ", ") + to_string(option);
    throw Error(ErrorCode::kInvalidParameter, "parameter {} must be one of {}, not \"{}\"", spec.name, known,
                to_string(*cast));
  }
  return *cast;
}

void integer_out_of_range(std::string_view name, std::int64_t value, std::int64_t minimum,
                          std::uint64_t maximum) {
  throw Error(ErrorCode::kInvalidParameter, "parameter {} must be between {} and {}, not {}", name, minimum,
              maximum, value);
}

void unknown_param(std::string_view owner, std::string_view name, const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  throw Error(ErrorCode::kInvalidParameter, "{} has no parameter \"{}\"{}", owner, name,
              near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

}  // namespace detail
}  // namespace kolosal
