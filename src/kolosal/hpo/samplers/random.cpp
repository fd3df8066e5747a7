#include "kolosal/hpo/sampler.hpp"

namespace kolosal::hpo {
namespace {

/// The number of a dimension depends on the seed, the trial and the dimension's name: not on what was asked
/// before, and not on which other dimensions there are.
class RandomSampler final : public Sampler {
 public:
  explicit RandomSampler(std::uint64_t seed) : seed_(seed) {}

  std::optional<ParamMap> sample(const SearchSpace& space, std::size_t number,
                                 std::span<const Trial>) const override {
    std::vector<double> unit;
    for (const Dimension& dimension : space.dimensions())
      unit.push_back(Rng(derive_seed(seed_, {"random", number, dimension.name})).uniform());
    return space.decode(unit);
  }

 private:
  std::uint64_t seed_;
};

}  // namespace

SamplerInfo random_info() {
  return {"random", "Independent uniform points, on the scale of each range.",
          [](std::uint64_t seed) { return std::make_unique<RandomSampler>(seed); }};
}

}  // namespace kolosal::hpo
