#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

// Replaces operator new of the program that includes this, which exactly one of its .cpp files may do.

namespace kolosal::testing_allocations {

inline thread_local std::size_t n_allocations = 0;

inline void* allocate(std::size_t n, std::size_t alignment) {
  ++n_allocations;
  const std::size_t rounded = (n + alignment - 1) / alignment * alignment;
  return alignment <= alignof(std::max_align_t) ? std::malloc(n > 0 ? n : 1)
                                                : std::aligned_alloc(alignment, rounded);
}

inline void* allocate_or_throw(std::size_t n, std::size_t alignment) {
  void* const out = allocate(n, alignment);
  if (out == nullptr) throw std::bad_alloc();
  return out;
}

}  // namespace kolosal::testing_allocations

namespace kolosal {

/// How often this thread has asked operator new for memory since the program began.
inline std::size_t allocations_of_thread() { return testing_allocations::n_allocations; }

}  // namespace kolosal

void* operator new(std::size_t n) { return kolosal::testing_allocations::allocate_or_throw(n, 1); }
void* operator new[](std::size_t n) { return kolosal::testing_allocations::allocate_or_throw(n, 1); }
void* operator new(std::size_t n, std::align_val_t alignment) {
  return kolosal::testing_allocations::allocate_or_throw(n, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t n, std::align_val_t alignment) {
  return kolosal::testing_allocations::allocate_or_throw(n, static_cast<std::size_t>(alignment));
}
// std::stable_sort asks this way.
void* operator new(std::size_t n, const std::nothrow_t&) noexcept {
  return kolosal::testing_allocations::allocate(n, 1);
}
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {
  return kolosal::testing_allocations::allocate(n, 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
