#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/transform/resampler.hpp"

namespace kolosal::transform {

/// The given rows by class.
struct RowsByClass {
  RowsByClass(std::span<const std::uint32_t> rows, const data::TargetView& y);

  std::vector<std::vector<std::uint32_t>> rows;  ///< Ascending; empty for a class without rows.
  std::size_t largest = 0;                       ///< The first class of the most rows.
  std::size_t smallest = 0;  ///< The first class of the fewest rows, of those that have any.
};

/// Which classes an over-sampler fills up, and how far.
struct OversampleParams {
  std::string strategy = "not_majority";
  double ratio = 1;
};
void check_oversample(const OversampleParams& params, std::string_view who);
/// Rows to make per class: up to int(ratio * rows of the largest class), as imbalanced-learn counts.
std::vector<std::size_t> rows_to_make(const RowsByClass& classes, const OversampleParams& params);

/// Which classes an under-sampler cuts down, and how far.
struct UndersampleParams {
  std::string strategy = "not_minority";
  double ratio = 1;
};
void check_undersample(const UndersampleParams& params, std::string_view who);
/// Rows to keep per class: at most int(rows of the smallest class / ratio).
std::vector<std::size_t> rows_to_keep(const RowsByClass& classes, const UndersampleParams& params);
/// Whether the strategy touches a class at all.
bool is_undersampled(const RowsByClass& classes, std::string_view strategy, std::size_t k);

template <typename P>
ParamTable<P> oversample_table() {
  return ParamTable<P>()
      .param("strategy", static_cast<std::string P::*>(&OversampleParams::strategy),
             "Which classes get rows: not_majority or minority (the smallest one).")
      .param("ratio", static_cast<double P::*>(&OversampleParams::ratio),
             "Rows of such a class afterwards, as a part of the rows of the largest class.")
      .limits(0.001, 1);
}

template <typename P>
ParamTable<P> undersample_table() {
  return ParamTable<P>()
      .param("strategy", static_cast<std::string P::*>(&UndersampleParams::strategy),
             "Which classes lose rows: not_minority or majority (the largest one).")
      .param("ratio", static_cast<double P::*>(&UndersampleParams::ratio),
             "Rows of the smallest class as a part of the rows of such a class afterwards.")
      .limits(0.001, 1);
}

}  // namespace kolosal::transform
