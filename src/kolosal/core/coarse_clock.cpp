#include "kolosal/core/coarse_clock.hpp"

#include <time.h>

namespace kolosal {
namespace {

#ifdef CLOCK_MONOTONIC_COARSE
constexpr clockid_t kCoarse = CLOCK_MONOTONIC_COARSE;
#else
constexpr clockid_t kCoarse = CLOCK_MONOTONIC;
#endif

class CoarseClock final : public Clock {
 public:
  double now_s() const override {
    timespec now{};
    clock_gettime(kCoarse, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }
};

}  // namespace

const Clock& coarse_clock() {
  static const CoarseClock clock;
  return clock;
}

}  // namespace kolosal
