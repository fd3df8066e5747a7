#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/histogram.hpp"
#include "kolosal/infer/serving/batch_call.hpp"
#include "kolosal/infer/serving/batch_curve.hpp"

namespace kolosal::infer {

/// The calls of one model (by name, whatever its version) and what is known of them. Made by a
/// DynamicBatcher.
class BatchLane {
 public:
  BatchLane(std::string name, double weight) : name_(std::move(name)), weight_(weight) {}
  const std::string& name() const { return name_; }

 private:
  friend class BatchQueue;
  friend class DynamicBatcher;

  std::string name_;
  double weight_;
  BatchCurve curve_;

  // Guarded by the batcher's lock.
  std::array<BatchCallList, kBatchPriorities> calls_;
  double served_s_ = 0;  // seconds of work over the weight
  std::optional<double> last_arrival_s_;
  double arrival_interval_s_ = 0;  // moving mean; 0: not known
  std::optional<double> swept_s_;  // when all its calls were last looked at for those that are overdue

  // Written with or without the lock, read by statistics().
  Histogram latency_ns_, wait_ns_, batch_rows_;
  std::atomic<std::size_t> n_queued_calls_{0}, n_queued_rows_{0};
  std::array<std::atomic<std::uint64_t>, 7> n_ended_{};  // by status
  std::atomic<std::uint64_t> n_rows_{0};
  // Rows of batches that were formed from the queue, and the rows that those could have had.
  std::atomic<std::uint64_t> n_formed_rows_{0}, n_room_{0};
};

/// Rows that are computed together: of one lane and one version of its model.
struct Batch {
  BatchLane* lane = nullptr;
  std::shared_ptr<const BatchModel> model;
  std::vector<BatchCall*> calls;
  std::vector<BatchRows> parts;            ///< by call
  std::vector<std::exception_ptr> errors;  ///< by call
  std::size_t n_rows = 0;
  double charged_s = 0;  ///< what the lane was charged beforehand
};

struct BatchQueueOptions {
  std::size_t max_batch_rows = 4096;
  double max_batch_s = 5e-3;
  std::size_t max_batch_bytes = std::size_t{64} << 20;
  double max_delay_s = 0;
  double patience_s = 0.1;
  std::size_t max_queued_calls = 10'000;
  std::size_t max_queued_rows = 1'000'000;
};

/// The order in which waiting calls are computed. It has no lock and no clock: the batcher calls it under its
/// lock and tells the time.
///
/// First by priority, where a call counts one level higher for each patience_s that it has waited; among
/// lanes whose first calls are alike, the one that has had the least seconds of work for its weight (weighted
/// fair queueing by virtual time); within a lane in the order of arrival.
class BatchQueue {
 public:
  explicit BatchQueue(BatchQueueOptions options) : options_(options) {}

  /// Lanes stay where they are.
  BatchLane& add_lane(std::string_view name, double weight) {
    return lanes_.emplace_back(std::string(name), weight);
  }
  std::deque<BatchLane>& lanes() { return lanes_; }

  bool is_empty() const { return n_calls_ == 0; }
  /// The most rows of this model in a batch now.
  std::size_t batch_limit(const BatchLane& lane, const BatchModel& model) const;

  /// Takes a call in. Where its lane is full, calls that will not be computed any more go first (to `ended`),
  /// then the newest one of the lowest priority below that of the call. False: there is no room.
  bool admit(BatchLane& lane, BatchCall& call, double now_s, BatchCallList& ended);
  /// Whether form() has something to give.
  bool is_due(double now_s) const;
  /// The batch to compute next; false when no lane is due. Overdue and cancelled calls before it go to
  /// `ended`.
  bool form(double now_s, Batch& batch, BatchCallList& ended);
  /// After the batch was computed in so many seconds.
  void settle(const Batch& batch, double seconds, BatchCallList& ended);
  void drop_all(BatchStatus status, BatchCallList& ended);

 private:
  std::size_t level_of(const BatchCall& call, double now_s) const;
  bool is_due(const BatchLane& lane, double now_s) const;
  bool is_full(const BatchLane& lane, std::size_t n_rows) const;
  bool make_room(BatchLane& lane, BatchPriority priority, std::size_t n_rows, double now_s,
                 BatchCallList& ended);
  void drop_if_overdue(BatchLane& lane, bool heads_only, BatchCallList& ended);
  void drop(BatchCall& call, BatchStatus status, BatchCallList& ended);
  void unlink(BatchCall& call);
  void end_if_ready(BatchCall& call, BatchCallList& ended);
  void take(BatchLane& lane, std::size_t level, std::size_t limit, double now_s, Batch& batch);

  BatchQueueOptions options_;
  std::deque<BatchLane> lanes_;
  std::size_t n_calls_ = 0;
  double virtual_s_ = 0;  // served_s of the lane that was chosen last
};

}  // namespace kolosal::infer
