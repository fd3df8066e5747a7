#pragma once

namespace kolosal::model {

/// Makes OpenMP's idle threads sleep instead of spin (OMP_WAIT_POLICY=passive), unless the user chose
/// otherwise. To be called before a library that brings OpenMP is opened: the policy is read once, when it is
/// loaded. With another process on the cores, spinning made LightGBM 20 to 50 times slower.
void wait_passively();

}  // namespace kolosal::model
