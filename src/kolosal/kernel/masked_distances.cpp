#include "kolosal/kernel/masked_distances.hpp"

#include <cstring>
#include <limits>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {
namespace {

// Eight doubles; the compiler splits them where the CPU's registers are shorter.
typedef double Lanes __attribute__((vector_size(64)));

inline __attribute__((always_inline)) void load(Lanes& out, const double* from) {
  std::memcpy(&out, from, sizeof(Lanes));
}

}  // namespace

KOLOSAL_KERNEL(double, masked_distances,
               (const double* query, const std::uint32_t* features, std::size_t n, const double* values,
                const double* present, double* out),
               (query, features, n, values, present, out)) {
  constexpr std::size_t kParts = kMaskedPoints / 8;
  Lanes sum[kParts] = {}, count[kParts] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t f = features[i];
    const double x = query[f];
    for (std::size_t part = 0; part < kParts; ++part) {
      Lanes value, has;
      load(value, values + f * kMaskedPoints + part * 8);
      load(has, present + f * kMaskedPoints + part * 8);
      const Lanes rest = x * has - value;
      sum[part] += rest * rest;
      count[part] += has;
    }
  }
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Lanes none = Lanes{} + kInf;
  Lanes least = none;
  for (std::size_t part = 0; part < kParts; ++part) {
    const Lanes mean = sum[part] / count[part];
    const Lanes distance = mean < none ? mean : none;  // 0 / 0 is NaN
    std::memcpy(out + part * 8, &distance, sizeof(Lanes));
    least = distance < least ? distance : least;
  }
  double smallest = least[0];
  for (std::size_t i = 1; i < 8; ++i) smallest = least[i] < smallest ? least[i] : smallest;
  return smallest;
}

}  // namespace kolosal::kernel
