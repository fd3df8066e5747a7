#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kolosal/kernel/byte_index.hpp"

namespace kolosal::io {

using kernel::count_byte;

/// Finds the next byte that is a or b, going forward through [begin, end).
class ByteFinder {
 public:
  ByteFinder(const char* begin, const char* end, char a, char b) : end_(end), block_(begin), a_(a), b_(b) {
    load();
  }

  /// The next hit, or end.
  const char* next() {
    while (mask_ == 0) {
      if (end_ - block_ <= 64) return end_;
      block_ += 64;
      if (++word_ < n_words_)
        mask_ = masks_[word_];
      else
        load();
    }
    const char* const hit = block_ + __builtin_ctzll(mask_);
    mask_ &= mask_ - 1;
    return hit;
  }

  /// Leaves out everything before `position`, which lies at or after the last hit.
  void skip_to(const char* position) {
    const std::size_t n_blocks = static_cast<std::size_t>(position - block_) / 64;
    if (word_ + n_blocks >= n_words_ && n_blocks > 0) {
      block_ = position;
      load();
      return;
    }
    block_ += 64 * n_blocks;
    word_ += n_blocks;
    if (n_blocks > 0) mask_ = masks_[word_];
    mask_ &= ~std::uint64_t{0} << (position - block_);
  }

 private:
  static constexpr std::size_t kMaxWords = 16;

  void load() {
    const std::size_t left = end_ > block_ ? static_cast<std::size_t>(end_ - block_) : 0;
    word_ = 0;
    n_words_ = std::min(kMaxWords, left / 64);
    if (n_words_ > 0) {
      kernel::match_masks(block_, n_words_, a_, b_, masks_);
    } else {
      char last[64] = {};
      std::copy_n(block_, left, last);
      kernel::match_masks(last, 1, a_, b_, masks_);
      masks_[0] &= (std::uint64_t{1} << left) - 1;
      n_words_ = 1;
    }
    mask_ = masks_[0];
  }

  const char* end_;
  const char* block_;
  std::uint64_t mask_ = 0;  // of the hits left in block_
  std::uint64_t masks_[kMaxWords];
  std::size_t word_ = 0;  // block_'s in masks_
  std::size_t n_words_ = 0;
  char a_;
  char b_;
};

}  // namespace kolosal::io
