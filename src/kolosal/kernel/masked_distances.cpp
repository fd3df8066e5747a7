#include "kolosal/kernel/masked_distances.hpp"

#include <cstring>
#include <limits>

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {

namespace {

/// The first n_numbers of the features are numbers, the others codes.
template <std::size_t kVectorBytes>
KOLOSAL_KERNEL_INLINE double distances_of(const double* query, const std::uint32_t* features,
                                          std::size_t n_numbers, std::size_t n, const double* values,
                                          const double* present, double* out) {
  using Lanes = DoubleLanes<kVectorBytes>;
  constexpr std::size_t kLanes = kVectorBytes / sizeof(double), kParts = 4;  // 8 sums stay in registers
  static_assert(kMaskedPoints % (kParts * kLanes) == 0);
  const Lanes none = Lanes{} + std::numeric_limits<double>::infinity();
  const Lanes zero = Lanes{}, one = zero + 1;
  Lanes least = none;
  for (std::size_t first = 0; first < kMaskedPoints; first += kParts * kLanes) {
    Lanes sum[kParts] = {}, count[kParts] = {};
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = features[i] * kMaskedPoints + first;
      const double x = query[features[i]];
      for (std::size_t part = 0; part < kParts; ++part) {
        Lanes value, has;
        std::memcpy(&value, values + at + part * kLanes, sizeof(Lanes));
        std::memcpy(&has, present + at + part * kLanes, sizeof(Lanes));
        const Lanes rest = x * has - value;
        sum[part] += i < n_numbers ? rest * rest : (rest != 0 ? one : zero);
        count[part] += has;
      }
    }
    for (std::size_t part = 0; part < kParts; ++part) {
      const Lanes mean = sum[part] / count[part];
      const Lanes distance = mean < none ? mean : none;  // 0 / 0 is NaN
      std::memcpy(out + first + part * kLanes, &distance, sizeof(Lanes));
      least = distance < least ? distance : least;
    }
  }
  double smallest = least[0];
  for (std::size_t i = 1; i < kLanes; ++i) smallest = least[i] < smallest ? least[i] : smallest;
  return smallest;
}

}  // namespace

KOLOSAL_VECTOR_KERNEL(double, masked_distances,
                      (const double* query, const std::uint32_t* features, std::size_t n,
                       const double* values, const double* present, double* out),
                      (query, features, n, values, present, out)) {
  return distances_of<kVectorBytes>(query, features, n, n, values, present, out);
}

KOLOSAL_VECTOR_KERNEL(double, mixed_distances,
                      (const double* query, const std::uint32_t* features, std::size_t n_numbers,
                       std::size_t n, const double* values, const double* present, double* out),
                      (query, features, n_numbers, n, values, present, out)) {
  return distances_of<kVectorBytes>(query, features, n_numbers, n, values, present, out);
}

}  // namespace kolosal::kernel
