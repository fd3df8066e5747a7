#pragma once

#include <cstddef>
#include <cstdint>

#include "kolosal/kernel/cpu.hpp"
#include "kolosal/kernel/forest_rows.hpp"
#include "kolosal/kernel/forest_trees.hpp"

namespace kolosal::kernel {

// The functions of forest_rows.hpp and forest_trees.hpp that look up bytes, by the instruction that looks up
// any byte of one or two registers for 64 places at once (AVX-512 VBMI: Cannon Lake, Zen 4 and later). Those
// call them at CpuLevel::kAvx512Vbmi; the same answers.

/// KOLOSAL_WITH_VBMI(call) returns the call at that level.
#if defined(__x86_64__) && defined(__GNUC__)
#define KOLOSAL_WITH_VBMI(call) \
  if (::kolosal::kernel::cpu_level() == ::kolosal::kernel::CpuLevel::kAvx512Vbmi) return call
#else
#define KOLOSAL_WITH_VBMI(call) static_cast<void>(0)
#endif

/// Leaf values that add_leaves_by_vbmi() can look up.
inline constexpr std::size_t kVbmiLeaves = 128;
/// Fewer rows are not worth arranging the values for.
inline constexpr std::size_t kVbmiRows = 32;

void find_lane_leaves_by_vbmi(const LaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                              const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                              std::uint8_t* leaves);
void find_lane_leaves_by_vbmi(const SmallLaneNodes* nodes, std::size_t n_nodes, std::size_t n_groups,
                              const std::int8_t* row, std::size_t n_columns, const std::uint64_t* outside,
                              std::uint8_t* leaves);
void find_symmetric_leaves_by_vbmi(const LaneLevel* levels, std::size_t n_levels, const std::int8_t* row,
                                   std::size_t n_columns, std::uint8_t* leaves);
/// n_values: at most kVbmiLeaves.
void add_leaves_by_vbmi(const double* values, std::size_t n_values, const std::uint8_t* leaves, std::size_t n,
                        double* sums);
void mark_outside_by_vbmi(const std::int8_t* categories, const std::uint8_t* set, std::size_t n_rows,
                          std::int8_t* out);

}  // namespace kolosal::kernel
