#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include "kolosal/core/context.hpp"
#include "kolosal/infer/serving/batch_model.hpp"

namespace kolosal::infer {

class BatchLane;

enum class BatchPriority : std::uint8_t { kCritical, kHigh, kNormal, kLow };
inline constexpr std::size_t kBatchPriorities = 4;

/// How a call ended. What is ordinary under load is a value, not an exception.
enum class BatchStatus : std::uint8_t {
  kWaiting,         ///< Not yet.
  kDone,            ///< The predictions are written.
  kQueueFull,       ///< Refused, or given up for a call of a higher priority: try later, or elsewhere.
  kDeadlinePassed,  ///< Its deadline passed before all of it was computed.
  kCancelled,       ///< Its CancelToken asked before all of it was computed.
  kShutDown,        ///< The batcher stops.
  kFailed,          ///< The model threw.
};
/// "queue_full" and so on.
std::string_view batch_status_name(BatchStatus status) noexcept;

/// What is asked of a DynamicBatcher.
struct BatchRequest {
  std::shared_ptr<const BatchModel> model;  ///< Held until the call ends, whatever takes its place meanwhile.
  BatchRows rows;                           ///< Cells and room for predictions outlive the call.
  BatchPriority priority = BatchPriority::kNormal;
  Deadline deadline;
  const CancelToken* cancel = nullptr;  ///< Outlives the call.
};

/// @throws Error kInvalidParameter when cells or out do not fit the model.
void check_request(const BatchRequest& request);

/// A request on its way through a DynamicBatcher. It stands still from submit() until it has ended.
class BatchCall {
 public:
  /// on_end: called once, on the thread that ends the call, as the last thing done with it: it may destroy
  /// it.
  explicit BatchCall(BatchRequest request, std::function<void(BatchCall&)> on_end = {})
      : request_(std::move(request)), on_end_(std::move(on_end)) {}
  BatchCall(const BatchCall&) = delete;
  BatchCall& operator=(const BatchCall&) = delete;

  const BatchRequest& request() const { return request_; }
  /// To be read once the call has ended.
  BatchStatus status() const { return status_; }
  /// What the model threw, with kFailed.
  const std::exception_ptr& error() const { return error_; }

 private:
  friend class BatchCallList;
  friend class BatchQueue;
  friend class DynamicBatcher;

  std::size_t rows_left() const { return request_.rows.n_rows - next_row_; }
  bool has_all_rows() const { return rows_done_ == request_.rows.n_rows; }

  BatchRequest request_;
  std::function<void(BatchCall&)> on_end_;

  // Guarded by the batcher's lock until the call has ended.
  BatchLane* lane_ = nullptr;
  BatchStatus status_ = BatchStatus::kWaiting;
  std::exception_ptr error_;
  std::array<BatchCall*, 2>
      next_{};  // by list: that of its lane and priority or of ended calls, that of waiting threads
  std::array<BatchCall*, 2> previous_{};
  std::array<bool, 2> is_listed_{};
  std::size_t next_row_ = 0;  // the first that no batch has taken
  std::size_t rows_done_ = 0;
  std::size_t n_running_parts_ = 0;
  double arrived_s_ = 0;
  double started_s_ = -1;

  // What the thread that waits for the call looks at.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_ended_ = false;
  bool may_lead_ = false;  // it holds one of the batcher's turns and is to compute batches
};

/// Calls in a row, linked through themselves, so that a list allocates nothing.
class BatchCallList {
 public:
  enum Link : std::size_t { kQueue, kWaiters };
  explicit BatchCallList(Link link = kQueue) : link_(link) {}

  BatchCall* front() const { return first_; }
  BatchCall* back() const { return last_; }
  BatchCall* after(const BatchCall& call) const { return call.next_[link_]; }
  bool is_empty() const { return first_ == nullptr; }
  bool has(const BatchCall& call) const { return call.is_listed_[link_]; }
  void push_back(BatchCall& call);
  void remove(BatchCall& call);
  BatchCall* pop_front();

 private:
  Link link_;
  BatchCall* first_ = nullptr;
  BatchCall* last_ = nullptr;
};

}  // namespace kolosal::infer
