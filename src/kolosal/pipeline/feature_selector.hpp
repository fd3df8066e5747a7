#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::pipeline {

/// Which columns of a frame stay.
struct Selection {
  std::vector<std::uint8_t> kept;  ///< By column, 1 = stays.
  std::vector<double> score;       ///< By column, larger is better; what it measures the selector tells.

  data::Frame of(const data::Frame& x) const;
  std::vector<std::string> names(const data::Frame& x) const;
};

/// Chooses columns by what a learner makes of them. It looks at the given rows only, and is fitted within
/// each fold. (Selection by statistics of single columns needs no learner: these are steps of transform.)
///
/// Columns: numbers, categories and sparse columns, as the learner it uses takes them.
/// Edge:    when no column passes, the one of the best score stays. With fewer than ten rows all stay.
/// Seed:    the same context.seed gives the same choice, for any number of threads.
class FeatureSelector {
 public:
  virtual ~FeatureSelector() = default;
  Selection fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                const Context& context) const;

 protected:
  /// x holds at least one column and exactly the training rows; so does y.
  virtual Selection do_fit(const data::Frame& x, const data::TargetView& y, const Context& context) const = 0;
};

/// What the registry knows of a selector.
struct FeatureSelectorInfo {
  std::string name;
  std::string summary;  ///< One sentence.
  std::vector<ParamSpec> params;
  std::function<std::unique_ptr<FeatureSelector>(const ParamMap&)> make;
};

/// All selectors, by name. The folder selectors/ is the list.
const std::vector<FeatureSelectorInfo>& feature_selectors();
/// @throws Error kInvalidParameter with the nearest name.
const FeatureSelectorInfo& feature_selector_info(std::string_view name);
std::unique_ptr<FeatureSelector> make_feature_selector(std::string_view name, const ParamMap& params = {});

/// For x_info(): builds the entry of a selector whose constructor takes its parameter struct.
template <typename T, typename P>
FeatureSelectorInfo describe_selector(std::string name, std::string summary, ParamTable<P> table) {
  auto specs = table.specs();
  auto make = [table = std::move(table), name](const ParamMap& params) -> std::unique_ptr<FeatureSelector> {
    return std::make_unique<T>(table.read(params, name));
  };
  return {std::move(name), std::move(summary), std::move(specs), std::move(make)};
}

}  // namespace kolosal::pipeline
