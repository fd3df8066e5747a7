#include "kolosal/kernel/forest_rows.hpp"
#include "kolosal/kernel/multiversion.hpp"

namespace kolosal::kernel {

KOLOSAL_KERNEL(void, take_leaves,
               (std::uint8_t part, const std::uint8_t* leaves, std::size_t n, const std::uint8_t* parts,
                std::uint8_t* local),
               (part, leaves, n, parts, local)) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) local[i] = parts[i] == part ? leaves[i] : local[i];
}

KOLOSAL_KERNEL(void, enter_part,
               (std::uint8_t part, std::uint8_t leaf, std::uint8_t next, const std::uint8_t* local,
                std::size_t n, std::uint8_t* parts),
               (part, leaf, next, local, n, parts)) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) parts[i] = (parts[i] == part) & (local[i] == leaf) ? next : parts[i];
}

}  // namespace kolosal::kernel
