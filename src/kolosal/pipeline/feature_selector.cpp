#include "kolosal/pipeline/feature_selector.hpp"

#include <algorithm>

namespace kolosal::pipeline {

#define KOLOSAL_PLUGIN(name) FeatureSelectorInfo name##_info();
#include "kolosal/pipeline/selectors_catalog.inc"
#undef KOLOSAL_PLUGIN

namespace {

constexpr std::size_t kFewestRows = 10;

std::vector<FeatureSelectorInfo> read_catalog() {
  std::vector<FeatureSelectorInfo> out;
#define KOLOSAL_PLUGIN(name) out.push_back(name##_info());
#include "kolosal/pipeline/selectors_catalog.inc"
#undef KOLOSAL_PLUGIN
  std::ranges::sort(out, {}, &FeatureSelectorInfo::name);
  return out;
}

}  // namespace

std::vector<std::string> Selection::names(const data::Frame& x) const {
  KOLOSAL_ASSERT(kept.size() == x.n_columns(), "a selection is of the columns of its frame");
  std::vector<std::string> out;
  for (std::size_t c = 0; c < kept.size(); ++c)
    if (kept[c]) out.push_back(x.name(c));
  return out;
}

data::Frame Selection::of(const data::Frame& x) const { return x.select(names(x)); }

Selection FeatureSelector::fit(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const data::TargetView& y, const Context& context) const {
  if (rows.size() < kFewestRows || x.n_columns() == 0)
    return {std::vector<std::uint8_t>(x.n_columns(), 1), std::vector<double>(x.n_columns())};
  std::vector<double> values, weights;
  for (const std::uint32_t row : rows) {
    values.push_back(y.values[row]);
    if (!y.weights.empty()) weights.push_back(y.weights[row]);
  }
  Selection out = do_fit(x.take(rows), {y.task, values, weights, y.n_classes}, context);
  KOLOSAL_ASSERT(out.kept.size() == x.n_columns() && out.score.size() == x.n_columns(),
                 "a selector rates all columns");
  if (std::ranges::find(out.kept, 1) == out.kept.end())
    out.kept[static_cast<std::size_t>(std::ranges::max_element(out.score) - out.score.begin())] = 1;
  return out;
}

const std::vector<FeatureSelectorInfo>& feature_selectors() {
  static const std::vector<FeatureSelectorInfo> catalog = read_catalog();
  return catalog;
}

const FeatureSelectorInfo& feature_selector_info(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& info : feature_selectors()) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  const std::string near = nearest_name(name, known);
  throw Error(ErrorCode::kInvalidParameter, "there is no feature selector \"{}\"; {}", name,
              near.empty() ? fmt::format("known are {}", fmt::join(known, ", "))
                           : fmt::format("did you mean \"{}\"?", near));
}

std::unique_ptr<FeatureSelector> make_feature_selector(std::string_view name, const ParamMap& params) {
  return feature_selector_info(name).make(params);
}

}  // namespace kolosal::pipeline
