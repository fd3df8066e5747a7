#include "kolosal/infer/serving/batch_queue.hpp"

#include <algorithm>

namespace kolosal::infer {
namespace {

/// What a row is charged before anything was measured.
constexpr double kUnknownSecondsPerRow = 1e-6;
/// A full queue is looked through no more often, in seconds: that takes as long as computing many calls.
constexpr double kSweepInterval = 1e-3;

}  // namespace

// ---- what fits ------------------------------------------------------------------------------------------

std::size_t BatchQueue::batch_limit(const BatchLane& lane, const BatchModel& model) const {
  const std::size_t in_memory = options_.max_batch_bytes / std::max<std::size_t>(model.bytes_per_row(), 1);
  const std::size_t most =
      std::clamp<std::size_t>(in_memory, 1, std::max<std::size_t>(options_.max_batch_rows, 1));
  return lane.curve_.best_rows(most, options_.max_batch_s);
}

bool BatchQueue::is_full(const BatchLane& lane, std::size_t n_rows) const {
  const std::size_t calls = lane.n_queued_calls_.load(std::memory_order_relaxed);
  const std::size_t rows = lane.n_queued_rows_.load(std::memory_order_relaxed);
  // A call that alone is larger than the queue may wait alone.
  return calls >= options_.max_queued_calls || (calls > 0 && rows + n_rows > options_.max_queued_rows);
}

bool BatchQueue::make_room(BatchLane& lane, BatchPriority priority, std::size_t n_rows, double now_s,
                           BatchCallList& ended) {
  if (!is_full(lane, n_rows)) return true;
  if (now_s - lane.swept_s_.value_or(-kSweepInterval) >= kSweepInterval) {
    drop_if_overdue(lane, false, ended);
    lane.swept_s_ = now_s;
  }
  for (std::size_t level = kBatchPriorities - 1; level > static_cast<std::size_t>(priority); --level)
    for (BatchCall* call = nullptr; is_full(lane, n_rows) && (call = lane.calls_[level].back());) {
      if (call->next_row_ > 0) break;  // part of it is computed already
      drop(*call, BatchStatus::kQueueFull, ended);
    }
  return !is_full(lane, n_rows);
}

bool BatchQueue::admit(BatchLane& lane, BatchCall& call, double now_s, BatchCallList& ended) {
  if (options_.max_delay_s > 0) {
    const double interval = now_s - lane.last_arrival_s_.value_or(now_s);
    lane.arrival_interval_s_ =
        lane.arrival_interval_s_ == 0 ? interval : 0.8 * lane.arrival_interval_s_ + 0.2 * interval;
    lane.last_arrival_s_ = now_s;
  }
  if (!make_room(lane, call.request_.priority, call.request_.rows.n_rows, now_s, ended)) return false;
  // A lane that had nothing to do does not save up for later.
  if (lane.n_queued_calls_.load(std::memory_order_relaxed) == 0)
    lane.served_s_ = std::max(lane.served_s_, virtual_s_);
  call.lane_ = &lane;
  call.status_ = BatchStatus::kWaiting;
  call.arrived_s_ = now_s;
  lane.calls_[static_cast<std::size_t>(call.request_.priority)].push_back(call);
  lane.n_queued_calls_.fetch_add(1, std::memory_order_relaxed);
  lane.n_queued_rows_.fetch_add(call.request_.rows.n_rows, std::memory_order_relaxed);
  ++n_calls_;
  return true;
}

// ---- what goes without being computed -------------------------------------------------------------------

void BatchQueue::unlink(BatchCall& call) {
  BatchLane& lane = *call.lane_;
  lane.calls_[static_cast<std::size_t>(call.request_.priority)].remove(call);
  lane.n_queued_calls_.fetch_sub(1, std::memory_order_relaxed);
  lane.n_queued_rows_.fetch_sub(call.rows_left(), std::memory_order_relaxed);
  --n_calls_;
}

void BatchQueue::end_if_ready(BatchCall& call, BatchCallList& ended) {
  if (call.n_running_parts_ > 0) return;  // the last of them ends the call
  if (call.status_ == BatchStatus::kWaiting) {
    if (!call.has_all_rows()) return;
    call.status_ = BatchStatus::kDone;
  }
  ended.push_back(call);
}

void BatchQueue::drop(BatchCall& call, BatchStatus status, BatchCallList& ended) {
  unlink(call);
  call.status_ = status;
  end_if_ready(call, ended);
}

void BatchQueue::drop_if_overdue(BatchLane& lane, bool heads_only, BatchCallList& ended) {
  for (BatchCallList& calls : lane.calls_)
    for (BatchCall* call = calls.front(); call;) {
      BatchCall* const next = calls.after(*call);
      const BatchRequest& request = call->request_;
      if (request.cancel && request.cancel->is_cancelled())
        drop(*call, BatchStatus::kCancelled, ended);
      else if (request.deadline.is_set() && request.deadline.passed())
        drop(*call, BatchStatus::kDeadlinePassed, ended);
      else if (heads_only)
        break;
      call = next;
    }
}

void BatchQueue::drop_all(BatchStatus status, BatchCallList& ended) {
  for (BatchLane& lane : lanes_)
    for (BatchCallList& calls : lane.calls_)
      while (BatchCall* const call = calls.front()) drop(*call, status, ended);
}

// ---- what is next ---------------------------------------------------------------------------------------

std::size_t BatchQueue::level_of(const BatchCall& call, double now_s) const {
  const auto level = static_cast<double>(call.request_.priority);
  const double risen = (now_s - call.arrived_s_) / options_.patience_s;
  return risen >= level ? 0
                        : static_cast<std::size_t>(level) - static_cast<std::size_t>(std::max(0.0, risen));
}

bool BatchQueue::is_due(const BatchLane& lane, double now_s) const {
  const std::size_t n_calls = lane.n_queued_calls_.load(std::memory_order_relaxed);
  if (n_calls == 0) return false;
  if (options_.max_delay_s <= 0) return true;
  // Nobody is expected to come in time.
  if (lane.arrival_interval_s_ <= 0 || lane.arrival_interval_s_ > options_.max_delay_s) return true;
  for (const BatchCallList& calls : lane.calls_) {
    const BatchCall* const first = calls.front();
    if (!first) continue;
    if (first->request_.priority == BatchPriority::kCritical || first->next_row_ > 0 ||
        now_s - first->arrived_s_ >= options_.max_delay_s ||
        lane.n_queued_rows_.load(std::memory_order_relaxed) >= batch_limit(lane, *first->request_.model))
      return true;
  }
  return false;
}

bool BatchQueue::is_due(double now_s) const {
  return n_calls_ > 0 &&
         std::ranges::any_of(lanes_, [&](const BatchLane& lane) { return is_due(lane, now_s); });
}

void BatchQueue::take(BatchLane& lane, std::size_t level, std::size_t limit, double now_s, Batch& batch) {
  while (BatchCall* const call = lane.calls_[level].front()) {
    if (call->request_.model != batch.model) return;
    const std::size_t room = limit - batch.n_rows, left = call->rows_left();
    // What fits into a batch of its own is not cut to fill this one.
    if (room == 0 || (left > room && batch.n_rows > 0 && left <= limit)) return;
    const std::size_t n = std::min(left, room), at = call->next_row_;
    const BatchRows& rows = call->request_.rows;
    const std::size_t n_fields = batch.model->n_fields(), n_outputs = batch.model->n_outputs();
    batch.calls.push_back(call);
    batch.parts.push_back({rows.cells.subspan(at * n_fields, n * n_fields), n,
                           rows.out.subspan(at * n_outputs, n * n_outputs)});
    batch.errors.emplace_back();
    batch.n_rows += n;
    if (call->started_s_ < 0) call->started_s_ = now_s;
    ++call->n_running_parts_;
    if (n == left) unlink(*call);
    if (n < left) lane.n_queued_rows_.fetch_sub(n, std::memory_order_relaxed);
    call->next_row_ += n;
    if (n < left) return;
  }
}

bool BatchQueue::form(double now_s, Batch& batch, BatchCallList& ended) {
  BatchLane* chosen = nullptr;
  std::size_t chosen_level = kBatchPriorities, chosen_list = 0;
  for (BatchLane& lane : lanes_) {
    if (lane.n_queued_calls_.load(std::memory_order_relaxed) == 0) continue;
    drop_if_overdue(lane, true, ended);
    if (!is_due(lane, now_s)) continue;
    for (std::size_t list = 0; list < kBatchPriorities; ++list) {
      const BatchCall* const first = lane.calls_[list].front();
      if (!first) continue;
      const std::size_t level = level_of(*first, now_s);
      if (chosen && (level > chosen_level ||
                     (level == chosen_level && (&lane == chosen || lane.served_s_ >= chosen->served_s_))))
        continue;
      chosen = &lane;
      chosen_level = level;
      chosen_list = list;
    }
  }
  if (!chosen) return false;
  virtual_s_ = std::max(virtual_s_, chosen->served_s_);
  batch.lane = chosen;
  batch.model = chosen->calls_[chosen_list].front()->request_.model;
  const std::size_t limit = batch_limit(*chosen, *batch.model);
  take(*chosen, chosen_list, limit, now_s, batch);
  for (std::size_t list = 0; list < kBatchPriorities; ++list)
    if (list != chosen_list) take(*chosen, list, limit, now_s, batch);
  const double known = chosen->curve_.seconds_per_row(batch.n_rows);
  batch.charged_s = static_cast<double>(batch.n_rows) * (known > 0 ? known : kUnknownSecondsPerRow);
  chosen->served_s_ += batch.charged_s / chosen->weight_;
  chosen->n_formed_rows_.fetch_add(batch.n_rows, std::memory_order_relaxed);
  chosen->n_room_.fetch_add(limit, std::memory_order_relaxed);
  return true;
}

void BatchQueue::settle(const Batch& batch, double seconds, BatchCallList& ended) {
  if (seconds > 0) batch.lane->served_s_ += (seconds - batch.charged_s) / batch.lane->weight_;
  for (std::size_t i = 0; i < batch.calls.size(); ++i) {
    BatchCall& call = *batch.calls[i];
    --call.n_running_parts_;
    call.rows_done_ += batch.parts[i].n_rows;
    if (batch.errors[i] && call.status_ == BatchStatus::kWaiting) {
      if (call.rows_left() > 0) unlink(call);
      call.status_ = BatchStatus::kFailed;
      call.error_ = batch.errors[i];
    }
    end_if_ready(call, ended);
  }
}

}  // namespace kolosal::infer
