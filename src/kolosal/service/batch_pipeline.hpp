#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "kolosal/core/context.hpp"

namespace kolosal::service {

/// Reads batches, works on them and writes them, all at the same time: while one batch is written, others are
/// worked on and the next is read.
///
/// Order:   read() and write() are called by one thread at a time, and batches are written in the order in
/// which they were read; work() is called for several at a time. Memory:  at most max_batches are between
/// read() and the end of write(). Threads: up to 3 of the pool; what is called may use more of it. Without a
/// pool one after another. Errors:  the first exception stops all and is rethrown.
template <typename In, typename Out>
class BatchPipeline {
 public:
  std::function<std::optional<In>()> read;
  std::function<Out(In)> work;
  std::function<void(Out)> write;
  std::size_t max_batches = 4;

  void run(const Context& context) {
    const std::size_t n_threads = context.pool ? std::min<std::size_t>(3, context.n_threads) : 1;
    if (n_threads < 2)
      loop();
    else
      context.pool->for_each(n_threads, n_threads, [this](std::size_t) { loop(); });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Slot {
    std::optional<In> in;    // taken by the one who works on it
    std::optional<Out> out;  // set when that is done
  };

  /// Does whatever there is to do, the last stage first, so that batches leave before new ones come.
  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (error_ || (ended_ && slots_.empty())) break;
      if (!writing_ && !slots_.empty() && slots_.front()->out)
        write_front(lock);
      else if (const auto slot = waiting_slot())
        work_on(*slot, lock);
      else if (!ended_ && !reading_ && slots_.size() < max_batches)
        read_next(lock);
      else
        something_changed_.wait(lock);
    }
    something_changed_.notify_all();
  }

  std::shared_ptr<Slot> waiting_slot() const {
    const auto at = std::ranges::find_if(slots_, [](const auto& slot) { return slot->in.has_value(); });
    return at == slots_.end() ? nullptr : *at;
  }

  /// Runs body without the lock; an exception ends all loops.
  template <typename Body>
  void without_lock(std::unique_lock<std::mutex>& lock, Body&& body) {
    lock.unlock();
    std::exception_ptr error;
    try {
      body();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) error_ = error;
    something_changed_.notify_all();
  }

  void write_front(std::unique_lock<std::mutex>& lock) {
    writing_ = true;
    const auto slot = slots_.front();
    without_lock(lock, [&] {
      write(std::move(*slot->out));
      slot->out.reset();
    });
    slots_.pop_front();  // only now: a batch that is written takes memory too
    writing_ = false;
  }

  void work_on(Slot& slot, std::unique_lock<std::mutex>& lock) {
    In in = std::move(*slot.in);
    slot.in.reset();
    std::optional<Out> out;
    without_lock(lock, [&] { out = work(std::move(in)); });
    slot.out = std::move(out);
  }

  void read_next(std::unique_lock<std::mutex>& lock) {
    reading_ = true;
    std::optional<In> in;
    without_lock(lock, [&] { in = read(); });
    reading_ = false;
    ended_ = !in;
    if (!in) return;
    slots_.push_back(std::make_shared<Slot>());
    slots_.back()->in = std::move(in);
  }

  std::mutex mutex_;
  std::condition_variable something_changed_;
  std::deque<std::shared_ptr<Slot>> slots_;  // in the order of reading
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;
  std::exception_ptr error_;
};

}  // namespace kolosal::service
