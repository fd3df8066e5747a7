#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kolosal::infer {

/// What a row costs by the number of rows that are computed together, as it was measured: one figure for 1
/// row, 2 to 3, 4 to 7 and so on. A figure is the least that was seen of late, since other work on the
/// machine can only add to it.
///
/// Threads: all members may be called from many threads; of measurements at the same moment one may be lost.
class BatchCurve {
 public:
  void note(std::size_t n_rows, double seconds) noexcept;
  /// Seconds a row; 0 when nothing of this size was measured.
  double seconds_per_row(std::size_t n_rows) const noexcept;
  /// The most rows that are worth being computed together: of the largest measured size whose rows cost no
  /// more than a tenth above the cheapest, and twice that when nothing larger was measured; within
  /// max_seconds or four times what a row alone takes. 64 when nothing is known. At least 1.
  std::size_t best_rows(std::size_t max_rows, double max_seconds) const noexcept;
  /// The most seconds that a row may cost less in a batch than alone: by the best measured size or, before
  /// there is one, all that it costs. NaN while the cost of a row alone is not known.
  double most_gain_s() const noexcept;

 private:
  static constexpr std::size_t kSizes = 24;
  static std::size_t size_of(std::size_t n_rows) noexcept;
  std::array<std::atomic<double>, kSizes> seconds_{};  // a row; 0: not measured
  std::array<std::atomic<std::uint32_t>, kSizes> n_notes_{};
};

}  // namespace kolosal::infer
