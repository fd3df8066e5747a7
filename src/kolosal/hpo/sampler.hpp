#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/hpo/search_space.hpp"
#include "kolosal/hpo/trial.hpp"

namespace kolosal::hpo {

/// Says which point to try next.
///
/// Threads: sample() is const; a study calls it under its lock.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// The point for this trial number. Empty: nothing is left to try.
  /// history: the trials so far, by number, running ones too; values are losses, smaller is better.
  virtual std::optional<ParamMap> sample(const SearchSpace& space, std::size_t number,
                                         std::span<const Trial> history) const = 0;
};

struct SamplerInfo {
  std::string name;
  std::string summary;  ///< One sentence.
  std::function<std::unique_ptr<Sampler>(std::uint64_t seed)> make;
};

/// All samplers, by name. The folder samplers/ is the list.
const std::vector<SamplerInfo>& samplers();
/// @throws Error kInvalidParameter with the nearest name.
std::unique_ptr<Sampler> make_sampler(std::string_view name, std::uint64_t seed);

}  // namespace kolosal::hpo
