#include "kolosal/core/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace kolosal {
namespace {

/// One for_each call. Its threads take the next index until none is left.
struct Job {
  const Job* outer = nullptr;  // the job whose task made the call
  const std::function<void(std::size_t)>* task = nullptr;
  std::size_t n = 0;
  std::atomic<std::size_t> next{0};
  std::size_t n_active = 0;  // threads inside run(); guarded by the pool's mutex
  std::exception_ptr error;  // guarded by the pool's mutex

  bool is_within(const Job& other) const {
    for (const Job* job = outer; job; job = job->outer)
      if (job == &other) return true;
    return false;
  }

  void run(std::mutex& mutex);
};

/// The job whose task this thread is in.
thread_local const Job* current_job = nullptr;

void Job::run(std::mutex& mutex) {
  const Job* before = std::exchange(current_job, this);
  try {
    for (std::size_t i; (i = next.fetch_add(1)) < n;) (*task)(i);
  } catch (...) {
    next.store(n);
    const std::lock_guard lock(mutex);
    if (!error) error = std::current_exception();
  }
  current_job = before;
}

}  // namespace

struct ThreadPool::Impl {
  using Lock = std::unique_lock<std::mutex>;

  std::mutex mutex;
  std::condition_variable work_or_stop;
  std::condition_variable job_ended_or_work;     // for threads that wait for their job
  std::deque<std::shared_ptr<Job>> invitations;  // one entry for each further thread that a job may use
  std::size_t n_waiting = 0;                     // for job_ended_or_work
  std::vector<std::jthread> workers;
  bool stopping = false;

  void work() {
    Lock lock(mutex);
    for (;;) {
      work_or_stop.wait(lock, [&] { return stopping || !invitations.empty(); });
      if (invitations.empty()) return;
      accept(lock, invitations.begin());
    }
  }

  void accept(Lock& lock, std::deque<std::shared_ptr<Job>>::iterator invitation) {
    const auto job = *invitation;
    invitations.erase(invitation);
    ++job->n_active;
    lock.unlock();
    job->run(mutex);
    lock.lock();
    if (--job->n_active == 0) job_ended_or_work.notify_all();
  }

  // Meanwhile works on what the tasks of the job call for, and on nothing else, which could take longer.
  void wait_for(Lock& lock, const Job& job) {
    while (job.n_active > 0) {
      const auto inner = std::ranges::find_if(invitations, [&](const auto& i) { return i->is_within(job); });
      if (inner != invitations.end()) {
        accept(lock, inner);
        continue;
      }
      ++n_waiting;
      job_ended_or_work.wait(lock);
      --n_waiting;
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
  job->outer = current_job;
  job->task = &task;
  job->n = n;
  const std::size_t n_helpers = std::min({n - 1, max_threads - (max_threads > 0), impl_->workers.size()});
  {
    const std::lock_guard lock(impl_->mutex);
    for (std::size_t i = 0; i < n_helpers; ++i) impl_->invitations.push_back(job);
    if (n_helpers > 0 && impl_->n_waiting > 0) impl_->job_ended_or_work.notify_all();
  }
  for (std::size_t i = 0; i < n_helpers; ++i) impl_->work_or_stop.notify_one();
  job->run(impl_->mutex);
  Impl::Lock lock(impl_->mutex);
  std::erase(impl_->invitations, job);  // nobody needs to come any more
  impl_->wait_for(lock, *job);
  if (job->error) std::rethrow_exception(job->error);
}

}  // namespace kolosal
