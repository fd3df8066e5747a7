#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "kolosal/core/thread_slot.hpp"

namespace kolosal {

/// Objects that are costly to make and used for a moment, kept for the next use: buffers of a function that
/// many threads call. take() makes one only when all that there are, are in use or more than kKept are.
///
///   const auto buffers = spares.take();  // back in `spares` at the end of the scope
///   buffers->sums.resize(n);
///
/// What an object holds is what its last user left. Threads: safe from many, without locks.
template <typename T>
class Spares {
 public:
  Spares() = default;
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;
  ~Spares() {
    for (std::atomic<T*>& place : places_) delete place.load();
  }

  class Loan {
   public:
    Loan(Spares& from, std::unique_ptr<T> object) : from_(from), object_(std::move(object)) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { from_.give_back(std::move(object_)); }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

   private:
    Spares& from_;
    std::unique_ptr<T> object_;
  };

  Loan take() {
    for (std::size_t i = 0; i < kKept; ++i) {
      std::atomic<T*>& place = place_of_thread(i);
      if (place.load(std::memory_order_relaxed) == nullptr) continue;
      if (T* const kept = place.exchange(nullptr, std::memory_order_acquire))
        return Loan(*this, std::unique_ptr<T>(kept));
    }
    return Loan(*this, std::make_unique<T>());
  }

 private:
  static constexpr std::size_t kKept = 16;  // a few threads call at the same moment

  /// Each thread begins elsewhere, so that threads seldom meet and find what they left.
  std::atomic<T*>& place_of_thread(std::size_t i) { return places_[(thread_slot() + i) % kKept]; }

  void give_back(std::unique_ptr<T> object) {
    for (std::size_t i = 0; i < kKept; ++i) {
      T* nothing = nullptr;
      if (place_of_thread(i).compare_exchange_strong(nothing, object.get(), std::memory_order_release,
                                                     std::memory_order_relaxed)) {
        object.release();
        return;
      }
    }
  }

  std::array<std::atomic<T*>, kKept> places_{};
};

}  // namespace kolosal
