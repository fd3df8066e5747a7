#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/param.hpp"
#include "kolosal/core/random.hpp"

namespace kolosal::hpo {

/// One parameter of a search.
struct Dimension {
  enum class Kind { kFloat, kInteger, kCategorical };
  std::string name;
  Kind kind = Kind::kFloat;
  double low = 0;   ///< inclusive; not for categories
  double high = 0;  ///< inclusive
  bool log_scale = false;
  std::vector<ParamValue> choices;  ///< categories only
  /// Present only while the parameter `parent` has one of these values; "" = always present.
  std::string parent;
  std::vector<ParamValue> parent_values;
};

/// The parameters of a search and their ranges, in an order where a parent comes before those that depend on
/// it.
///
///   SearchSpace().add_categorical("booster", {"tree", "linear"}).add_float("rate", 1e-3, 0.3, kLog)
///                .add_integer("leaves", 4, 256, kLog).only_if("booster", {"tree"})
///
/// Each point of the unit cube, one number in [0, 1) per dimension, is a point of the space: integers and
/// categories own equal parts of the interval (on their scale), and what is not present is left out.
class SearchSpace {
 public:
  using Scale = ParamRange::Scale;

  /// @throws Error kInvalidParameter: name taken, empty range, log scale from 0 or below.
  SearchSpace& add_float(std::string name, double low, double high, Scale scale = Scale::kLinear);
  SearchSpace& add_integer(std::string name, std::int64_t low, std::int64_t high,
                           Scale scale = Scale::kLinear);
  SearchSpace& add_categorical(std::string name, std::vector<ParamValue> choices);
  /// Of the parameter added last. @throws Error kInvalidParameter: no such parent, or not one of its values.
  SearchSpace& only_if(std::string parent, std::vector<ParamValue> values);
  /// The parameters that have a search range; a bool without one of its own choices is {false, true}.
  static SearchSpace from_specs(std::span<const ParamSpec> specs);

  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  std::size_t size() const { return dimensions_.size(); }
  bool is_present(const Dimension& dimension, const ParamMap& params) const;

  ParamMap decode(std::span<const double> unit) const;
  /// The inverse, to the middle of what an integer or category owns; 0.5 for what is not present.
  std::vector<double> encode(const ParamMap& params) const;
  /// @throws Error kInvalidParameter: unknown, missing, out of range, not a choice, or present where its
  /// parent forbids it.
  void check(const ParamMap& params) const;
  /// A text that two spaces share if and only if they are the same: JSON.
  std::string describe() const;

 private:
  Dimension& add(Dimension dimension);
  const Dimension* find(std::string_view name) const;

  std::vector<Dimension> dimensions_;
};

}  // namespace kolosal::hpo
