#include "kolosal/infer/serving/dynamic_batcher.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kolosal/core/error.hpp"

namespace kolosal::infer {
namespace {

BatchQueueOptions queue_options(const BatcherOptions& options) {
  return {.max_batch_rows = options.max_batch_rows,
          .max_batch_s = options.max_batch_s,
          .max_batch_bytes = options.memory_limit_bytes / std::max<std::size_t>(options.max_running, 1),
          .max_delay_s = options.max_delay_s,
          .patience_s = options.patience_s,
          .max_queued_calls = options.max_queued_calls,
          .max_queued_rows = options.max_queued_rows};
}

/// Why a request is not even begun; kWaiting when nothing speaks against it.
BatchStatus refusal(const BatchRequest& request) {
  if (request.cancel && request.cancel->is_cancelled()) return BatchStatus::kCancelled;
  if (request.deadline.is_set() && request.deadline.passed()) return BatchStatus::kDeadlinePassed;
  return request.rows.n_rows == 0 ? BatchStatus::kDone : BatchStatus::kWaiting;
}

}  // namespace

DynamicBatcher::DynamicBatcher(BatcherOptions options) : options_(options), queue_(queue_options(options)) {
  options_.max_running = std::max<std::size_t>(options_.max_running, 1);
}

DynamicBatcher::~DynamicBatcher() { shutdown(); }

BatchLane& DynamicBatcher::lane(std::string_view name, double weight) {
  if (!(weight > 0) || !std::isfinite(weight))
    throw Error(ErrorCode::kInvalidParameter, "the weight of the lane \"{}\" is to be above 0, not {}", name,
                weight);
  const std::lock_guard lock(mutex_);
  for (BatchLane& lane : queue_.lanes())
    if (lane.name() == name) return lane;
  return queue_.add_lane(name, weight);
}

void DynamicBatcher::shutdown() {
  BatchCallList ended;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    queue_.drop_all(BatchStatus::kShutDown, ended);
    leave_waiters(ended);
    turn_free_.notify_all();
  }
  end_all(ended);
  Lock lock(mutex_);
  idle_.wait(lock, [&] { return n_turns_ == 0 && n_others_ == 0; });
}

// ---- a thread that waits for its call -------------------------------------------------------------------

BatchStatus DynamicBatcher::predict(BatchLane& lane, const BatchRequest& request) {
  check_request(request);
  if (const BatchStatus status = refusal(request); status != BatchStatus::kWaiting) {
    count(lane, status);
    return status;
  }
  const double now_s = options_.clock->now_s();
  Lock lock(mutex_);
  if (is_stopping_) {
    lock.unlock();
    count(lane, BatchStatus::kShutDown);
    return BatchStatus::kShutDown;
  }
  const bool has_turn = n_turns_ < options_.max_running;
  if (!queue_.is_empty() || !(has_turn || is_direct(lane)) ||
      (request.rows.n_rows > 1 && request.rows.n_rows > queue_.batch_limit(lane, *request.model)))
    return wait_in_line(lane, request, now_s, lock);
  ++(has_turn ? n_turns_ : n_others_);
  lock.unlock();
  const auto give_back = [&] {
    const std::lock_guard again(mutex_);
    if (has_turn) return release_turn();
    --n_others_;
    if (is_stopping_) idle_.notify_all();
  };
  try {
    const BatchStatus status = run_alone(lane, request, now_s);
    give_back();
    return status;
  } catch (...) {
    count(lane, BatchStatus::kFailed);
    give_back();
    throw;
  }
}

/// Whether a batch is not worth a switch of threads.
bool DynamicBatcher::is_direct(const BatchLane& lane) const {
  return lane.curve_.most_gain_s() < options_.handover_s;
}

BatchStatus DynamicBatcher::run_alone(BatchLane& lane, const BatchRequest& request, double arrived_s) {
  request.model->predict(std::span(&request.rows, 1));
  const double seconds = options_.clock->now_s() - arrived_s;
  lane.curve_.note(request.rows.n_rows, seconds);
  lane.batch_rows_.add(request.rows.n_rows);
  lane.latency_ns_.add_seconds(seconds);
  lane.wait_ns_.add(0);
  lane.n_rows_.fetch_add(request.rows.n_rows, std::memory_order_relaxed);
  count(lane, BatchStatus::kDone);
  return BatchStatus::kDone;
}

BatchStatus DynamicBatcher::wait_in_line(BatchLane& lane, const BatchRequest& request, double arrived_s,
                                         Lock& lock) {
  BatchCall call(request);
  BatchCallList ended;
  const bool is_admitted = queue_.admit(lane, call, arrived_s, ended);
  leave_waiters(ended);
  const bool leads = is_admitted && n_turns_ < options_.max_running && queue_.is_due(arrived_s);
  if (leads) {
    ++n_turns_;
    note_turn();
  }
  if (is_admitted && !leads) waiters_.push_back(call);
  lock.unlock();
  end_all(ended);
  if (!is_admitted) {
    count(lane, BatchStatus::kQueueFull);
    return BatchStatus::kQueueFull;
  }
  if (leads) lead(call);
  wait(call);
  if (call.error_) std::rethrow_exception(call.error_);
  return call.status_;
}

void DynamicBatcher::wait(BatchCall& call) {
  const auto is_called = [&] { return call.has_ended_ || call.may_lead_; };
  Lock lock(call.mutex_);
  for (;;) {
    // While the clock says that others may still come, the thread looks again after each delay.
    if (options_.max_delay_s <= 0)
      call.changed_.wait(lock, is_called);
    else
      call.changed_.wait_for(lock, std::chrono::duration<double>(options_.max_delay_s), is_called);
    const bool leads = std::exchange(call.may_lead_, false);
    if (!leads && call.has_ended_) return;
    lock.unlock();
    if (leads || try_lead(call)) lead(call);
    lock.lock();
  }
}

/// Takes a turn when one is free and something is due.
bool DynamicBatcher::try_lead(BatchCall& call) {
  const double now_s = options_.clock->now_s();
  const std::lock_guard lock(mutex_);
  if (!waiters_.has(call) || n_turns_ >= options_.max_running || !queue_.is_due(now_s)) return false;
  waiters_.remove(call);
  ++n_turns_;
  return true;
}

/// With a turn: computes batches until the call of this thread has ended or nothing is due, then passes the
/// turn on.
void DynamicBatcher::lead(BatchCall& call) {
  Lock lock(mutex_);
  note_turn();
  while (call.status_ == BatchStatus::kWaiting && run_next(lock)) {
  }
  // Its last rows may be computed by another thread. One that has failed waits for its other parts alone.
  if (call.status_ == BatchStatus::kWaiting) waiters_.push_back(call);
  release_turn();
}

/// Threads whose calls have ended are not given a turn any more. Under the lock.
void DynamicBatcher::leave_waiters(const BatchCallList& ended) {
  for (BatchCall* call = ended.front(); call; call = ended.after(*call))
    if (waiters_.has(*call)) waiters_.remove(*call);
}

/// A turn of this thread, with which it may end calls. Under the lock, as are the two below.
void DynamicBatcher::note_turn() {
  if (!has_turn()) holders_.push_back(std::this_thread::get_id());
}

bool DynamicBatcher::has_turn() const {
  return std::ranges::find(holders_, std::this_thread::get_id()) != holders_.end();
}

/// Gives a turn to a thread that waits, or back.
void DynamicBatcher::release_turn() {
  std::erase(holders_, std::this_thread::get_id());
  if (!waiters_.is_empty() && queue_.is_due(options_.clock->now_s())) {
    BatchCall& next = *waiters_.pop_front();
    // Its thread can not be gone: a call leaves waiters_ under the lock, before it ends.
    const std::lock_guard lock(next.mutex_);
    next.may_lead_ = true;
    next.changed_.notify_one();
    return;
  }
  --n_turns_;
  turn_free_.notify_one();
  if (is_stopping_) idle_.notify_all();
}

// ---- batches --------------------------------------------------------------------------------------------

/// Computes a batch and ends its calls; the lock is given back meanwhile. False: nothing is due.
bool DynamicBatcher::run_next(Lock& lock, std::size_t* n_ended) {
  std::unique_ptr<Batch> batch = take_batch();
  BatchCallList ended;
  const bool is_formed = queue_.form(options_.clock->now_s(), *batch, ended);
  leave_waiters(ended);
  if (is_formed) {
    lock.unlock();
    const double seconds = compute(*batch);
    lock.lock();
    queue_.settle(*batch, seconds, ended);
    leave_waiters(ended);
  }
  give_batch(std::move(batch));
  lock.unlock();
  const std::size_t n = end_all(ended);
  if (n_ended) *n_ended += n;
  lock.lock();
  return is_formed;
}

/// The seconds that it took. What the model throws goes to the calls at fault.
double DynamicBatcher::compute(Batch& batch) const {
  const double start_s = options_.clock->now_s();
  try {
    batch.model->predict(batch.parts);
  } catch (...) {
    if (batch.parts.size() == 1)
      batch.errors[0] = std::current_exception();
    else
      compute_each(batch);
    return options_.clock->now_s() - start_s;
  }
  const double seconds = options_.clock->now_s() - start_s;
  batch.lane->curve_.note(batch.n_rows, seconds);
  batch.lane->batch_rows_.add(batch.n_rows);
  batch.lane->n_rows_.fetch_add(batch.n_rows, std::memory_order_relaxed);
  return seconds;
}

void DynamicBatcher::compute_each(Batch& batch) const {
  for (std::size_t i = 0; i < batch.parts.size(); ++i) {
    try {
      batch.model->predict(std::span(&batch.parts[i], 1));
    } catch (...) {
      batch.errors[i] = std::current_exception();
    }
  }
}

std::size_t DynamicBatcher::end_all(BatchCallList& ended) {
  if (ended.is_empty()) return 0;
  const double now_s = options_.clock->now_s();
  std::size_t n = 0;
  for (; BatchCall* const call = ended.pop_front(); ++n) end(*call, now_s);
  return n;
}

void DynamicBatcher::end(BatchCall& call, double now_s) {
  BatchLane& lane = *call.lane_;
  if (call.status_ == BatchStatus::kDone) {
    lane.latency_ns_.add_seconds(now_s - call.arrived_s_);
    lane.wait_ns_.add_seconds(call.started_s_ - call.arrived_s_);
  }
  count(lane, call.status_);
  call.request_.model.reset();
  if (call.on_end_) return call.on_end_(call);
  const std::lock_guard lock(call.mutex_);
  call.has_ended_ = true;
  call.changed_.notify_one();
}

std::unique_ptr<Batch> DynamicBatcher::take_batch() {
  if (spare_.empty()) return std::make_unique<Batch>();
  std::unique_ptr<Batch> out = std::move(spare_.back());
  spare_.pop_back();
  return out;
}

void DynamicBatcher::give_batch(std::unique_ptr<Batch> batch) {
  batch->model.reset();
  batch->calls.clear();
  batch->parts.clear();
  batch->errors.clear();
  batch->n_rows = 0;
  spare_.push_back(std::move(batch));
}

// ---- many calls of few threads --------------------------------------------------------------------------

BatchStatus DynamicBatcher::submit(BatchLane& lane, BatchCall& call) {
  check_request(call.request_);
  BatchStatus status = refusal(call.request_);
  if (status == BatchStatus::kWaiting) {
    const double now_s = options_.clock->now_s();
    BatchCallList ended;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_)
        status = BatchStatus::kShutDown;
      else if (!queue_.admit(lane, call, now_s, ended))
        status = BatchStatus::kQueueFull;
      leave_waiters(ended);
    }
    end_all(ended);
  }
  // A call that waits may have ended meanwhile, and be gone.
  if (status == BatchStatus::kWaiting) return status;
  call.status_ = status;
  count(lane, status);
  return status;
}

std::size_t DynamicBatcher::run_pending() {
  std::size_t n_ended = 0;
  const auto run_all = [&](Lock& lock) {
    while (run_next(lock, &n_ended)) {
    }
  };
  Lock lock(mutex_);
  if (has_turn()) {  // called by on_end: nothing is computed meanwhile with the turn of this thread
    run_all(lock);
    return n_ended;
  }
  const auto has_free_turn = [&] { return n_turns_ < options_.max_running; };
  turn_free_.wait(lock, [&] { return has_free_turn() || !queue_.is_due(options_.clock->now_s()); });
  if (!has_free_turn()) {
    turn_free_.notify_one();  // nor has another that waits anything to do
    return 0;
  }
  ++n_turns_;
  note_turn();
  run_all(lock);
  release_turn();
  return n_ended;
}

// ---- statistics -----------------------------------------------------------------------------------------

void DynamicBatcher::count(BatchLane& lane, BatchStatus status) const {
  lane.n_ended_[static_cast<std::size_t>(status)].fetch_add(1, std::memory_order_relaxed);
}

BatcherStatistics DynamicBatcher::statistics(const BatchLane& lane) const {
  const auto n_ended = [&](BatchStatus status) {
    return lane.n_ended_[static_cast<std::size_t>(status)].load(std::memory_order_relaxed);
  };
  BatcherStatistics out;
  out.n_done = n_ended(BatchStatus::kDone);
  out.n_refused = n_ended(BatchStatus::kQueueFull);
  out.n_late = n_ended(BatchStatus::kDeadlinePassed);
  out.n_cancelled = n_ended(BatchStatus::kCancelled);
  out.n_failed = n_ended(BatchStatus::kFailed);
  out.n_batches = lane.batch_rows_.count();
  out.n_rows = lane.n_rows_.load(std::memory_order_relaxed);
  out.queued_calls = lane.n_queued_calls_.load(std::memory_order_relaxed);
  out.queued_rows = lane.n_queued_rows_.load(std::memory_order_relaxed);
  if (out.n_batches > 0)
    out.rows_per_batch = static_cast<double>(out.n_rows) / static_cast<double>(out.n_batches);
  const auto room = lane.n_room_.load(std::memory_order_relaxed);
  if (room > 0)
    out.occupancy =
        static_cast<double>(lane.n_formed_rows_.load(std::memory_order_relaxed)) / static_cast<double>(room);
  out.latency_p50_s = lane.latency_ns_.quantile_seconds(0.5);
  out.latency_p95_s = lane.latency_ns_.quantile_seconds(0.95);
  out.latency_p99_s = lane.latency_ns_.quantile_seconds(0.99);
  out.wait_p50_s = lane.wait_ns_.quantile_seconds(0.5);
  out.wait_p95_s = lane.wait_ns_.quantile_seconds(0.95);
  out.wait_p99_s = lane.wait_ns_.quantile_seconds(0.99);
  return out;
}

}  // namespace kolosal::infer
