#include <algorithm>

#include "kolosal/hpo/sampler.hpp"

namespace kolosal::hpo {
namespace {

constexpr std::size_t kPointsPerRange = 5;

std::size_t n_points(const Dimension& dimension) {
  switch (dimension.kind) {
    case Dimension::Kind::kCategorical:
      return dimension.choices.size();
    case Dimension::Kind::kInteger:
      return std::min(kPointsPerRange, static_cast<std::size_t>(dimension.high - dimension.low) + 1);
    case Dimension::Kind::kFloat:
      break;
  }
  return dimension.low == dimension.high ? 1 : kPointsPerRange;
}

/// All combinations of all categories and of up to five points per range, its ends among them. The last
/// dimension changes fastest; combinations that differ only in a parameter that is not present are tried
/// once.
class GridSampler final : public Sampler {
 public:
  std::optional<ParamMap> sample(const SearchSpace& space, std::size_t number,
                                 std::span<const Trial>) const override {
    std::vector<std::size_t> at(space.size(), 0);
    for (std::size_t seen = 0;;) {
      const ParamMap point = decode(space, at);
      if (is_first_of_its_kind(space, at, point) && seen++ == number) return point;
      if (!advance(space, at)) return {};
    }
  }

 private:
  static ParamMap decode(const SearchSpace& space, const std::vector<std::size_t>& at) {
    std::vector<double> unit;
    for (std::size_t d = 0; d < at.size(); ++d) {
      const Dimension& dimension = space.dimensions()[d];
      const auto k = static_cast<double>(at[d]), n = static_cast<double>(n_points(dimension));
      if (dimension.kind == Dimension::Kind::kCategorical)
        unit.push_back((k + 0.5) / n);
      else
        unit.push_back(n == 1 ? 0.5 : k / (n - 1));  // 1 is clamped to the top of the range
    }
    return space.decode(unit);
  }

  static bool is_first_of_its_kind(const SearchSpace& space, const std::vector<std::size_t>& at,
                                   const ParamMap& point) {
    for (std::size_t d = 0; d < at.size(); ++d)
      if (at[d] > 0 && !point.contains(space.dimensions()[d].name)) return false;
    return true;
  }

  static bool advance(const SearchSpace& space, std::vector<std::size_t>& at) {
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < n_points(space.dimensions()[d])) return true;
      at[d] = 0;
    }
    return false;
  }
};

}  // namespace

SamplerInfo grid_info() {
  return {"grid", "Every combination of categories and of up to five points per range, then nothing.",
          [](std::uint64_t) { return std::make_unique<GridSampler>(); }};
}

}  // namespace kolosal::hpo
