#include "kolosal/core/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace kolosal {
namespace {

/// One for_each call. Its threads take the next index until none is left.
struct Job {
  const std::function<void(std::size_t)>* task = nullptr;
  std::size_t n = 0;
  std::atomic<std::size_t> next{0};
  std::size_t n_active = 0;  // threads inside run(); guarded by the pool's mutex
  std::exception_ptr error;  // guarded by the pool's mutex

  void run(std::mutex& mutex) {
    try {
      for (;;) {
        const std::size_t i = next.fetch_add(1);
        if (i >= n) return;
        (*task)(i);
      }
    } catch (...) {
      next.store(n);
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  }
};

}  // namespace

struct ThreadPool::Impl {
  std::mutex mutex;
  std::condition_variable work_or_stop;
  std::condition_variable job_ended;
  std::deque<std::shared_ptr<Job>> invitations;  // one entry for each further thread that a job may use
  std::vector<std::jthread> workers;
  bool stopping = false;

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      work_or_stop.wait(lock, [&] { return stopping || !invitations.empty(); });
      if (invitations.empty()) return;
      const auto job = invitations.front();
      invitations.pop_front();
      ++job->n_active;
      lock.unlock();
      job->run(mutex);
      lock.lock();
      if (--job->n_active == 0) job_ended.notify_all();
    }
  }
};

ThreadPool::ThreadPool(std::size_t n_threads) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 1; i < n_threads; ++i) impl_->workers.emplace_back([this] { impl_->work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->work_or_stop.notify_all();
  impl_->workers.clear();
}

std::size_t ThreadPool::n_threads() const { return impl_->workers.size() + 1; }

void ThreadPool::for_each(std::size_t n, std::size_t max_threads,
                          const std::function<void(std::size_t)>& task) {
  if (n == 0) return;
  const auto job = std::make_shared<Job>();
  job->task = &task;
  job->n = n;
  const std::size_t n_helpers = std::min({n - 1, max_threads - (max_threads > 0), impl_->workers.size()});
  {
    const std::lock_guard lock(impl_->mutex);
    for (std::size_t i = 0; i < n_helpers; ++i) impl_->invitations.push_back(job);
  }
  for (std::size_t i = 0; i < n_helpers; ++i) impl_->work_or_stop.notify_one();
  job->run(impl_->mutex);
  std::unique_lock lock(impl_->mutex);
  std::erase(impl_->invitations, job);  // nobody needs to come any more
  impl_->job_ended.wait(lock, [&] { return job->n_active == 0; });
  if (job->error) std::rethrow_exception(job->error);
}

}  // namespace kolosal
