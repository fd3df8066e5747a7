#include <algorithm>

#include "kolosal/transform/class_balance_internal.hpp"
#include "kolosal/transform/neighbours_internal.hpp"

namespace kolosal::transform {
namespace {

struct TomekLinksParams {
  std::string strategy = "not_minority";
};

constexpr std::uint32_t kUnknown = 0xffffffff;

/// Leaves out rows of Tomek links: two rows of different classes that are each other's nearest neighbour.
///
/// strategy: which side of a link goes: not_minority (all but the smallest class), majority (the largest one)
/// or
///           all (both sides).
/// Distance: Euclidean over all columns, which must be numbers without missing cells; scale them before. Of
/// equally
///           near rows the first is the nearest.
/// Source:   Tomek (1976), as imbalanced-learn's TomekLinks.
class TomekLinks final : public Resampler {
 public:
  explicit TomekLinks(TomekLinksParams params) : params_(std::move(params)) {
    if (params_.strategy != "not_minority" && params_.strategy != "majority" && params_.strategy != "all")
      throw Error(ErrorCode::kInvalidParameter,
                  "tomek_links: strategy must be not_minority, majority or all, not \"{}\"",
                  params_.strategy);
  }

 private:
  ResamplePlan do_plan(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const Context& context) const override {
    ResamplePlan plan;
    const RowsByClass classes(rows, y);
    const auto nearest = nearest_rows(x, rows, y, classes.largest, context);
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      const auto k = static_cast<std::size_t>(y.values[rows[i]]);
      const std::uint32_t other = nearest[i];
      const bool is_link =
          other != kUnknown && nearest[other] == i && y.values[rows[other]] != y.values[rows[i]];
      const bool goes = params_.strategy == "all" || is_undersampled(classes, params_.strategy, k);
      if (!is_link || !goes) plan.kept.push_back(rows[i]);
    }
    return plan;
  }

  // The nearest neighbour of each row as far as links need it. One end of every link is outside the largest
  // class, so only those rows and what they point at are looked up.
  static std::vector<std::uint32_t> nearest_rows(const data::Frame& x, std::span<const std::uint32_t> rows,
                                                 const data::TargetView& y, std::size_t largest,
                                                 const Context& context) {
    const Points points = points_of(x, rows, "tomek_links", false);
    std::vector<std::uint32_t> nearest(rows.size(), kUnknown), queries, pointed_at;
    const auto is_largest = [&](std::uint32_t i) {
      return y.values[rows[i]] == static_cast<double>(largest);
    };
    const auto look_up = [&](const std::vector<std::uint32_t>& asked) {
      const Neighbours found =
          find_neighbours(points, points.subset(asked), {.k = 1, .self = asked}, context);
      for (std::size_t q = 0; q < asked.size() && found.k == 1; ++q) nearest[asked[q]] = found.index[q];
    };
    for (std::uint32_t i = 0; i < rows.size(); ++i)
      if (!is_largest(i)) queries.push_back(i);
    look_up(queries);
    for (const std::uint32_t i : queries)
      if (nearest[i] != kUnknown && is_largest(nearest[i])) pointed_at.push_back(nearest[i]);
    std::ranges::sort(pointed_at);
    const auto repeated = std::ranges::unique(pointed_at);
    pointed_at.erase(repeated.begin(), repeated.end());
    look_up(pointed_at);
    return nearest;
  }

  TomekLinksParams params_;
};

}  // namespace

ResamplerInfo tomek_links_info() {
  return describe_resampler<TomekLinks>(
      "tomek_links", "Leave out rows whose nearest neighbour, for which the same holds, is of another class.",
      ParamTable<TomekLinksParams>().param(
          "strategy", &TomekLinksParams::strategy,
          "Which side of a pair goes: not_minority, majority or all (both sides)."));
}

}  // namespace kolosal::transform
