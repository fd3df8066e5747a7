#include "kolosal/hpo/sampler.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"

namespace kolosal::hpo {

#define KOLOSAL_PLUGIN(name) SamplerInfo name##_info();
#include "kolosal/hpo/samplers_catalog.inc"
#undef KOLOSAL_PLUGIN

const std::vector<SamplerInfo>& samplers() {
  static const std::vector<SamplerInfo> all = [] {
    std::vector<SamplerInfo> out = {
#define KOLOSAL_PLUGIN(name) name##_info(),
#include "kolosal/hpo/samplers_catalog.inc"
#undef KOLOSAL_PLUGIN
    };
    std::ranges::sort(out, {}, &SamplerInfo::name);
    return out;
  }();
  return all;
}

std::unique_ptr<Sampler> make_sampler(std::string_view name, std::uint64_t seed) {
  std::vector<std::string> known;
  for (const SamplerInfo& info : samplers()) {
    if (info.name == name) return info.make(seed);
    known.push_back(info.name);
  }
  const std::string near = nearest_name(name, known);
  throw Error(ErrorCode::kInvalidParameter, "unknown sampler \"{}\"{}", name,
              near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

}  // namespace kolosal::hpo
