#pragma once

#include "kolosal/core/context.hpp"

namespace kolosal {

/// The real clock to the tick of the kernel (1 to 10 ms), at a fraction of the cost of Clock::system(): for
/// times to live. Its zero is another one, so its times are not to be compared with those of other clocks.
const Clock& coarse_clock();

}  // namespace kolosal
