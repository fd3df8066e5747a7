#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace kolosal {

/// A fixed set of worker threads. The engine starts threads nowhere else.
///
/// Threads: all members may be called from any thread, from a task of the pool too (the waiting thread
/// works). Errors: the first exception of a task is rethrown by the call that waits for it.
class ThreadPool {
 public:
  /// n_threads counts the calling thread: ThreadPool(1) starts no thread.
  explicit ThreadPool(std::size_t n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t n_threads() const;

  /// Calls task(0) ... task(n - 1), each once, on at most max_threads threads, the caller among them; returns
  /// when all have ended. After an exception, tasks that have not started are dropped.
  void for_each(std::size_t n, std::size_t max_threads, const std::function<void(std::size_t)>& task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kolosal
