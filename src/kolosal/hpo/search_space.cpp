#include "kolosal/hpo/search_space.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kolosal/core/error.hpp"

namespace kolosal::hpo {
namespace {

constexpr double kAlmostOne = 1 - 0x1p-53;

/// An integer k owns [k - 0.5, k + 0.5) on its scale, so that log-scaled integers at the ends get their share
/// too.
double low_edge(const Dimension& d) { return d.kind == Dimension::Kind::kInteger ? d.low - 0.5 : d.low; }
double high_edge(const Dimension& d) { return d.kind == Dimension::Kind::kInteger ? d.high + 0.5 : d.high; }

double from_unit(const Dimension& d, double unit) {
  if (unit >= kAlmostOne) return d.high;
  const double low = low_edge(d), high = high_edge(d);
  const double value = d.log_scale ? low * std::exp(unit * std::log(high / low)) : low + unit * (high - low);
  return std::clamp(d.kind == Dimension::Kind::kInteger ? std::round(value) : value, d.low, d.high);
}

double to_unit(const Dimension& d, double value) {
  const double low = low_edge(d), high = high_edge(d);
  if (high == low) return 0.5;
  const double unit = d.log_scale ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low))
                                  : (value - low) / (high - low);
  return std::clamp(unit, 0.0, kAlmostOne);
}

ParamValue value_at(const Dimension& d, double unit) {
  unit = std::clamp(unit, 0.0, kAlmostOne);
  switch (d.kind) {
    case Dimension::Kind::kFloat:
      return from_unit(d, unit);
    case Dimension::Kind::kInteger:
      return static_cast<std::int64_t>(from_unit(d, unit));
    case Dimension::Kind::kCategorical:
      break;
  }
  return d.choices[static_cast<std::size_t>(unit * static_cast<double>(d.choices.size()))];
}

bool contains(const std::vector<ParamValue>& values, const ParamValue& value) {
  return std::ranges::find(values, value) != values.end();
}

std::string join(const std::vector<ParamValue>& values) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + to_string(value);
  return out;
}

nlohmann::json json_of(const std::vector<ParamValue>& values) {
  auto out = nlohmann::json::array();
  for (const auto& value : values) std::visit([&](const auto& v) { out.push_back(v); }, value);
  return out;
}

/// A number that the user gave as an integer is fine for a float.
double number_of(const Dimension& d, const ParamValue& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  const auto* real = std::get_if<double>(&value);
  if (!real || d.kind == Dimension::Kind::kInteger)
    throw Error(ErrorCode::kInvalidParameter, "parameter {} must be {}, not \"{}\"", d.name,
                d.kind == Dimension::Kind::kInteger ? "an integer" : "a number", to_string(value));
  return *real;
}

void check_value(const Dimension& d, const ParamValue& value) {
  if (d.kind == Dimension::Kind::kCategorical) {
    if (!contains(d.choices, value))
      throw Error(ErrorCode::kInvalidParameter, "parameter {} must be one of {}, not \"{}\"", d.name,
                  join(d.choices), to_string(value));
    return;
  }
  const double number = number_of(d, value);
  if (!(number >= d.low && number <= d.high))
    throw Error(ErrorCode::kInvalidParameter, "parameter {} must be between {} and {}, not {}", d.name, d.low,
                d.high, number);
}

}  // namespace

Dimension& SearchSpace::add(Dimension dimension) {
  if (find(dimension.name))
    throw Error(ErrorCode::kInvalidParameter, "the search space has two parameters \"{}\"", dimension.name);
  if (dimension.kind == Dimension::Kind::kCategorical) {
    if (dimension.choices.empty())
      throw Error(ErrorCode::kInvalidParameter, "parameter {} has no choices to search", dimension.name);
  } else {
    if (!(dimension.low <= dimension.high))
      throw Error(ErrorCode::kInvalidParameter, "the search range of {} is empty: {} to {}", dimension.name,
                  dimension.low, dimension.high);
    if (dimension.log_scale && !(dimension.low > 0))
      throw Error(ErrorCode::kInvalidParameter,
                  "the search range of {} has a log scale and must start above 0, not at {}", dimension.name,
                  dimension.low);
  }
  return dimensions_.emplace_back(std::move(dimension));
}

SearchSpace& SearchSpace::add_float(std::string name, double low, double high, Scale scale) {
  add({std::move(name), Dimension::Kind::kFloat, low, high, scale == Scale::kLog, {}, {}, {}});
  return *this;
}

SearchSpace& SearchSpace::add_integer(std::string name, std::int64_t low, std::int64_t high, Scale scale) {
  add({std::move(name),
       Dimension::Kind::kInteger,
       static_cast<double>(low),
       static_cast<double>(high),
       scale == Scale::kLog,
       {},
       {},
       {}});
  return *this;
}

SearchSpace& SearchSpace::add_categorical(std::string name, std::vector<ParamValue> choices) {
  add({std::move(name), Dimension::Kind::kCategorical, 0, 0, false, std::move(choices), {}, {}});
  return *this;
}

SearchSpace& SearchSpace::only_if(std::string parent, std::vector<ParamValue> values) {
  KOLOSAL_ASSERT(!dimensions_.empty(), "a condition belongs to a parameter");
  const Dimension* of = find(parent);
  if (!of || of == &dimensions_.back())
    throw Error(ErrorCode::kInvalidParameter, "parameter {} depends on \"{}\", which must be added before it",
                dimensions_.back().name, parent);
  for (const auto& value : values) check_value(*of, value);
  dimensions_.back().parent = std::move(parent);
  dimensions_.back().parent_values = std::move(values);
  return *this;
}

SearchSpace SearchSpace::from_specs(std::span<const ParamSpec> specs) {
  SearchSpace out;
  for (const ParamSpec& spec : specs) {
    if (!spec.search) continue;
    const ParamRange& range = *spec.search;
    if (!range.choices.empty())
      out.add_categorical(spec.name, range.choices);
    else if (std::holds_alternative<bool>(spec.default_value))
      out.add_categorical(spec.name, {false, true});
    else if (std::holds_alternative<std::int64_t>(spec.default_value))
      out.add_integer(spec.name, std::llround(range.low), std::llround(range.high), range.scale);
    else
      out.add_float(spec.name, range.low, range.high, range.scale);
  }
  return out;
}

const Dimension* SearchSpace::find(std::string_view name) const {
  const auto found = std::ranges::find(dimensions_, name, &Dimension::name);
  return found == dimensions_.end() ? nullptr : &*found;
}

bool SearchSpace::is_present(const Dimension& dimension, const ParamMap& params) const {
  if (dimension.parent.empty()) return true;
  const auto parent = params.find(dimension.parent);
  return parent != params.end() && contains(dimension.parent_values, parent->second);
}

ParamMap SearchSpace::decode(std::span<const double> unit) const {
  KOLOSAL_ASSERT(unit.size() == size(), "one number per dimension");
  ParamMap out;
  for (std::size_t d = 0; d < size(); ++d)
    if (is_present(dimensions_[d], out)) out[dimensions_[d].name] = value_at(dimensions_[d], unit[d]);
  return out;
}

std::vector<double> SearchSpace::encode(const ParamMap& params) const {
  std::vector<double> out(size(), 0.5);
  for (std::size_t d = 0; d < size(); ++d) {
    const Dimension& dimension = dimensions_[d];
    const auto found = params.find(dimension.name);
    if (found == params.end()) continue;
    check_value(dimension, found->second);
    if (dimension.kind == Dimension::Kind::kCategorical) {
      const auto index = std::ranges::find(dimension.choices, found->second) - dimension.choices.begin();
      out[d] = (static_cast<double>(index) + 0.5) / static_cast<double>(dimension.choices.size());
    } else {
      out[d] = to_unit(dimension, number_of(dimension, found->second));
    }
  }
  return out;
}

void SearchSpace::check(const ParamMap& params) const {
  std::vector<std::string> known;
  for (const Dimension& d : dimensions_) known.push_back(d.name);
  for (const auto& [name, value] : params) {
    const Dimension* d = find(name);
    if (!d) detail::unknown_param("the search space", name, known);
    if (!is_present(*d, params))
      throw Error(ErrorCode::kInvalidParameter, "parameter {} is only used when {} is {}", name, d->parent,
                  join(d->parent_values));
    check_value(*d, value);
  }
  for (const Dimension& d : dimensions_)
    if (is_present(d, params) && !params.contains(d.name))
      throw Error(ErrorCode::kInvalidParameter, "parameter {} is missing", d.name);
}

std::string SearchSpace::describe() const {
  constexpr const char* kKinds[] = {"float", "integer", "categorical"};
  auto out = nlohmann::json::array();
  for (const Dimension& d : dimensions_) {
    nlohmann::json entry = {{"name", d.name}, {"kind", kKinds[static_cast<int>(d.kind)]}};
    if (d.kind == Dimension::Kind::kCategorical) {
      entry["choices"] = json_of(d.choices);
    } else {
      entry.update({{"low", d.low}, {"high", d.high}, {"log", d.log_scale}});
    }
    if (!d.parent.empty()) entry["only_if"] = {{"parameter", d.parent}, {"values", json_of(d.parent_values)}};
    out.push_back(std::move(entry));
  }
  return out.dump();
}

}  // namespace kolosal::hpo
