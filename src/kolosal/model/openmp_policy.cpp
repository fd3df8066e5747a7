#include "kolosal/model/openmp_policy.hpp"

#include <cstdlib>

namespace kolosal::model {

void wait_passively() { setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0); }

}  // namespace kolosal::model
