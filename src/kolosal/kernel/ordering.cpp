#include "kolosal/kernel/ordering.hpp"

#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {

KOLOSAL_KERNEL(void, count_not_above,
               (const KnotTable& table, const double* x, std::uint32_t* out, std::size_t n),
               (table, x, out, n)) {
  // 16 searches side by side: each step of one waits for the step before, not for the other searches.
  constexpr std::size_t kLanes = 16;
  const KnotTable in = table;  // a copy can not be changed through `out`
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    std::int32_t cell[kLanes];
    std::int64_t at[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) cell[lane] = in.cell_of(x[i + lane]);
    for (std::size_t lane = 0; lane < kLanes; ++lane) at[lane] = in.start[cell[lane]];
    for (std::size_t step = in.width / 2; step > 0; step /= 2) {
      const auto width = static_cast<std::int64_t>(step);
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        at[lane] += in.knots[at[lane] + width - 1] <= x[i + lane] ? width : 0;
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) out[i + lane] = static_cast<std::uint32_t>(at[lane]);
  }
  for (; i < n; ++i) {
    std::size_t at = in.start[in.cell_of(x[i])];
    for (std::size_t step = in.width / 2; step > 0; step /= 2)
      at += in.knots[at + step - 1] <= x[i] ? step : 0;
    out[i] = static_cast<std::uint32_t>(at);
  }
}

}  // namespace kolosal::kernel
