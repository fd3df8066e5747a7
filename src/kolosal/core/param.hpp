#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kolosal/core/error.hpp"

namespace kolosal {

using ParamValue = std::variant<bool, std::int64_t, double, std::string>;
using ParamMap = std::map<std::string, ParamValue, std::less<>>;

/// How a parameter may vary in a search; also what a valid value is.
struct ParamRange {
  enum class Scale { kLinear, kLog };
  double low = 0;
  double high = 0;
  Scale scale = Scale::kLinear;
  std::vector<ParamValue> choices;  ///< When not empty: a categorical parameter, low and high are not used.
};

ParamRange linear_range(double low, double high);
ParamRange log_range(double low, double high);
ParamRange choice(std::vector<ParamValue> values);

/// One parameter as every front end sees it: help text, JSON schema, search space, documentation.
struct ParamSpec {
  std::string name;
  std::string doc;
  ParamValue default_value;
  std::optional<ParamRange> search;  ///< Empty: not searched.
  std::optional<double> minimum;     ///< Smallest legal number, inclusive.
  std::optional<double> maximum;     ///< Largest legal number, inclusive.
};

/// Text of a value as a user would type it: true, 12, 0.05, squared.
std::string to_string(const ParamValue& value);
nlohmann::json to_json(const ParamMap& params);
/// @throws Error kInvalidParameter for a nested value.
ParamMap params_from_json(const nlohmann::json& object);

/// The known name nearest to a misspelt one (edit distance), or "" when none is near.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

namespace detail {
ParamValue convert_param(const ParamSpec& spec, const ParamValue& value);
[[noreturn]] void integer_out_of_range(std::string_view name, std::int64_t value, std::int64_t minimum,
                                       std::uint64_t maximum);
[[noreturn]] void unknown_param(std::string_view owner, std::string_view name,
                                const std::vector<std::string>& known);
}  // namespace detail

/// Declares the fields of a plain struct once; the table reads, writes, checks and documents them.
///
///   ParamTable<RidgeParams>().param("alpha", &RidgeParams::alpha, "L2 strength.", log_range(1e-4, 1e2))
template <typename T>
class ParamTable {
 public:
  template <typename V>
  ParamTable&& param(std::string name, V T::* member, std::string doc,
                     std::optional<ParamRange> search = {}) && {
    add(std::move(name), member, std::move(doc), std::move(search));
    return std::move(*this);
  }

  /// Legal limits of the parameter declared last, inclusive.
  ParamTable&& limits(double minimum, double maximum) && {
    fields_.back().spec.minimum = minimum;
    fields_.back().spec.maximum = maximum;
    return std::move(*this);
  }

  std::vector<ParamSpec> specs() const {
    std::vector<ParamSpec> out;
    for (const auto& field : fields_) out.push_back(field.spec);
    return out;
  }

  /// Defaults overwritten by `params`. @throws Error kInvalidParameter naming the owner, the parameter and
  /// the value.
  T read(const ParamMap& params, std::string_view owner) const {
    T out{};
    for (const auto& [name, value] : params) {
      const Field* field = find(name);
      if (!field) detail::unknown_param(owner, name, names());
      field->set(out, detail::convert_param(field->spec, value));
    }
    return out;
  }

  ParamMap write(const T& values) const {
    ParamMap out;
    for (const auto& field : fields_) out[field.spec.name] = field.get(values);
    return out;
  }

 private:
  struct Field {
    ParamSpec spec;
    std::function<void(T&, const ParamValue&)> set;
    std::function<ParamValue(const T&)> get;
  };

  template <typename V>
  void add(std::string name, V T::* member, std::string doc, std::optional<ParamRange> search) {
    auto get = [member](const T& t) -> ParamValue {
      if constexpr (std::same_as<V, bool>)
        return t.*member;
      else if constexpr (std::integral<V>)
        return static_cast<std::int64_t>(t.*member);
      else if constexpr (std::floating_point<V>)
        return static_cast<double>(t.*member);
      else
        return std::string(t.*member);
    };
    auto set = [member, name](T& t, const ParamValue& value) {
      if constexpr (std::same_as<V, bool>)
        t.*member = std::get<bool>(value);
      else if constexpr (std::integral<V>)
        t.*member = integer_as<V>(name, std::get<std::int64_t>(value));
      else if constexpr (std::floating_point<V>)
        t.*member = static_cast<V>(std::get<double>(value));
      else
        t.*member = std::get<std::string>(value);
    };
    fields_.push_back({{std::move(name), std::move(doc), get(T{}), std::move(search), {}, {}}, set, get});
  }

  template <typename V>
  static V integer_as(std::string_view name, std::int64_t value) {
    if (!std::in_range<V>(value))
      detail::integer_out_of_range(name, value, static_cast<std::int64_t>(std::numeric_limits<V>::min()),
                                   static_cast<std::uint64_t>(std::numeric_limits<V>::max()));
    return static_cast<V>(value);
  }

  const Field* find(std::string_view name) const {
    for (const auto& field : fields_)
      if (field.spec.name == name) return &field;
    return nullptr;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& field : fields_) out.push_back(field.spec.name);
    return out;
  }

  std::vector<Field> fields_;
};

}  // namespace kolosal
