#include "kolosal/core/scratch_pool.hpp"

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <thread>

#include "kolosal/core/thread_slot.hpp"

namespace kolosal {
namespace {

constexpr std::size_t kFronts = 32;
constexpr std::size_t kPerClass = 4;  // buffers of one size that a front keeps
constexpr std::size_t kSmallest = 4096;
/// Sizes from 4 KB to 1 MB, four to each power of two. Larger ones are shared by all threads.
constexpr std::size_t kClasses = 4 * 8 + 1;
constexpr std::size_t kTooLarge = kClasses;

/// The class of the least size that holds n_bytes. Sizes are 4096, 5120, 6144, 7168, 8192, 10240...
std::size_t class_of(std::size_t n_bytes) {
  if (n_bytes <= kSmallest) return 0;
  const auto power =
      static_cast<std::size_t>(std::bit_width(n_bytes - 1)) - 1;  // 2^power < n_bytes <= 2^(power + 1)
  const std::size_t quarter = std::size_t{1} << (power - 2);
  const std::size_t quarters = (n_bytes - (std::size_t{1} << power) + quarter - 1) / quarter;  // 1 to 4
  return std::min(4 * (power - 12) + quarters, kTooLarge);
}

std::size_t bytes_of_class(std::size_t front_class) {
  const std::size_t power = front_class / 4 + 12, quarters = front_class % 4;
  return (std::size_t{1} << power) + quarters * (std::size_t{1} << (power - 2));
}

/// For stretches of some dozen instructions that hardly ever meet another thread.
class SpinLock {
 public:
  void lock() noexcept {
    while (is_taken_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() noexcept { is_taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> is_taken_{false};
};

}  // namespace

struct alignas(64) ScratchPool::Front {
  SpinLock lock;
  std::uint64_t n_taken = 0, n_from_front = 0;
  std::int64_t used_bytes = 0;  // taken less given back here, which may be elsewhere
  std::size_t idle_bytes = 0;
  std::array<std::uint8_t, kClasses> n_idle{};
  std::array<std::array<BufferPool::Buffer, kPerClass>, kClasses> idle;
};

ScratchPool::ScratchPool(ScratchPoolOptions options)
    : options_(options), pool_(options.max_idle_bytes), fronts_(std::make_unique<Front[]>(kFronts)) {}

ScratchPool::~ScratchPool() = default;

ScratchPool::Front& ScratchPool::front() const { return fronts_[thread_slot() % kFronts]; }

ScratchPool::Buffer ScratchPool::take(std::size_t n_bytes) {
  const std::size_t front_class = class_of(n_bytes);
  const std::size_t held = front_class == kTooLarge ? n_bytes : bytes_of_class(front_class);
  Front& mine = front();
  {
    const std::lock_guard lock(mine.lock);
    if (front_class != kTooLarge && mine.n_idle[front_class] > 0) {
      ++mine.n_taken;
      ++mine.n_from_front;
      mine.used_bytes += static_cast<std::int64_t>(held);
      mine.idle_bytes -= held;
      return {this, std::move(mine.idle[front_class][--mine.n_idle[front_class]]), front_class};
    }
  }
  Buffer out(this, pool_.take(held), front_class);
  const std::lock_guard lock(mine.lock);
  ++mine.n_taken;
  mine.used_bytes += static_cast<std::int64_t>(held);
  return out;
}

void ScratchPool::give_back(BufferPool::Buffer buffer, std::size_t front_class) noexcept {
  const std::size_t held = buffer.size();
  Front& mine = front();
  const std::lock_guard lock(mine.lock);
  mine.used_bytes -= static_cast<std::int64_t>(held);
  if (front_class == kTooLarge || mine.n_idle[front_class] == kPerClass ||
      mine.idle_bytes + held > options_.max_front_bytes)
    return;  // to the pool, by the end of `buffer`, after the lock
  mine.idle_bytes += held;
  mine.idle[front_class][mine.n_idle[front_class]++] = std::move(buffer);
}

void ScratchPool::trim() noexcept {
  for (std::size_t f = 0; f < kFronts; ++f) {
    Front& one = fronts_[f];
    const std::lock_guard lock(one.lock);
    for (std::size_t c = 0; c < kClasses; ++c)
      while (one.n_idle[c] > 0) one.idle[c][--one.n_idle[c]] = {};
    one.idle_bytes = 0;
  }
  pool_.trim();
}

ScratchPoolCounters ScratchPool::counters() const {
  ScratchPoolCounters out;
  std::int64_t used_bytes = 0;
  for (std::size_t f = 0; f < kFronts; ++f) {
    Front& one = fronts_[f];
    const std::lock_guard lock(one.lock);
    out.n_taken += one.n_taken;
    out.n_from_front += one.n_from_front;
    out.front_bytes += one.idle_bytes;
    used_bytes += one.used_bytes;
  }
  out.used_bytes = static_cast<std::size_t>(std::max<std::int64_t>(used_bytes, 0));
  const BufferPoolCounters behind = pool_.counters();
  out.n_from_pool = behind.n_reused;
  out.n_allocated = behind.n_taken - behind.n_reused;
  out.pool_bytes = behind.idle_bytes;
  return out;
}

}  // namespace kolosal
