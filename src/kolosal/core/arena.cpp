#include "kolosal/core/arena.hpp"

#include <bit>
#include <new>

namespace kolosal {
namespace {

constexpr std::size_t kLargestBlock = 8 << 20;
constexpr std::align_val_t kBufferAlignment{64};

// Four sizes per power of two, so that at most a fifth of a buffer is not used: 4096, 5120, 6144, 7168,
// 8192...
constexpr std::size_t kSmallestBuffer = 4096;

std::size_t class_of(std::size_t n_bytes) {
  const std::size_t n = std::max(n_bytes, kSmallestBuffer);
  const auto power = static_cast<std::size_t>(std::bit_width(n - 1)) - 1;  // 2^power < n <= 2^(power + 1)
  const std::size_t quarter = std::size_t{1} << (power - 2);
  return 4 * power + (n - (std::size_t{1} << power) + quarter - 1) / quarter;
}

std::size_t bytes_of_class(std::size_t size_class) {
  // The fourth quarter of a power is the whole next power.
  const std::size_t power = (size_class - 1) / 4, quarters = size_class - 4 * power;
  return (std::size_t{1} << power) + quarters * (std::size_t{1} << (power - 2));
}

}  // namespace

// ---- Arena ----------------------------------------------------------------------------------------------

std::size_t Arena::used_bytes() const {
  if (blocks_.empty()) return 0;
  return full_bytes_ + (cursor_ - reinterpret_cast<std::uintptr_t>(blocks_.back().bytes.get()));
}

void* Arena::take_from_new_block(std::size_t n_bytes, std::size_t alignment) {
  if (n_bytes > std::numeric_limits<std::size_t>::max() - alignment) throw std::bad_alloc();
  const std::size_t size = std::max(next_block_bytes_, n_bytes + alignment);
  const std::size_t used = used_bytes();
  blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  full_bytes_ = used;
  next_block_bytes_ = std::max(next_block_bytes_, std::min(2 * size, kLargestBlock));
  const auto begin = reinterpret_cast<std::uintptr_t>(blocks_.back().bytes.get());
  const auto at = (begin + alignment - 1) & ~(alignment - 1);
  cursor_ = at + n_bytes;
  end_ = begin + size;
  return reinterpret_cast<void*>(at);
}

void Arena::reset() noexcept {
  peak_bytes_ = std::max(peak_bytes_, used_bytes());
  if (blocks_.size() > 1) {
    next_block_bytes_ = std::max(next_block_bytes_, used_bytes());
    blocks_.clear();
    cursor_ = end_ = 0;
  } else if (!blocks_.empty()) {
    cursor_ = reinterpret_cast<std::uintptr_t>(blocks_.back().bytes.get());
  }
  full_bytes_ = 0;
}

ArenaCounters Arena::counters() const {
  ArenaCounters out{n_taken_, used_bytes(), std::max(peak_bytes_, used_bytes()), 0, blocks_.size()};
  for (const Block& block : blocks_) out.reserved_bytes += block.n_bytes;
  return out;
}

// ---- BufferPool -----------------------------------------------------------------------------------------

BufferPool::~BufferPool() { trim(); }

BufferPool::Buffer BufferPool::take(std::size_t n_bytes) {
  if (n_bytes > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
  Buffer out;
  out.n_bytes_ = n_bytes;
  out.size_class_ = class_of(n_bytes);
  const std::size_t held = bytes_of_class(out.size_class_);
  const auto count = [&] {
    ++counters_.n_taken;
    counters_.used_bytes += held;
    counters_.peak_used_bytes = std::max(counters_.peak_used_bytes, counters_.used_bytes);
  };
  {
    const std::lock_guard lock(mutex_);
    auto& idle = idle_[out.size_class_];
    if (!idle.empty()) {
      out.data_ = idle.back();
      out.pool_ = this;
      idle.pop_back();
      counters_.idle_bytes -= held;
      ++counters_.n_reused;
      count();
      return out;
    }
  }
  out.data_ = static_cast<std::byte*>(::operator new(held, kBufferAlignment));
  out.pool_ = this;
  const std::lock_guard lock(mutex_);
  count();
  return out;
}

void BufferPool::give_back(std::byte* data, std::size_t size_class) noexcept {
  const std::size_t held = bytes_of_class(size_class);
  {
    const std::lock_guard lock(mutex_);
    counters_.used_bytes -= held;
    if (counters_.idle_bytes + held <= max_idle_bytes_) {
      try {
        idle_[size_class].push_back(data);
        counters_.idle_bytes += held;
        return;
      } catch (const std::bad_alloc&) {
        // No room to remember it: the system gets it.
      }
    }
  }
  ::operator delete(data, kBufferAlignment);
}

void BufferPool::trim() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& idle : idle_) {
    for (std::byte* const data : idle) ::operator delete(data, kBufferAlignment);
    idle.clear();
  }
  counters_.idle_bytes = 0;
}

BufferPoolCounters BufferPool::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace kolosal
