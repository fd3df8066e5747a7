#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/infer/serving/batch_queue.hpp"

namespace kolosal::infer {

struct BatcherOptions {
  /// Batches at the same time, whoever computes them: predict() or run_pending(). Usually
  /// Hardware::usable_threads(). Calls that handover_s lets through at once are not counted: each takes the
  /// thread that makes it, so no more of them are computed at a time than there are threads that call.
  std::size_t max_running = 1;
  std::size_t max_batch_rows = 4096;
  /// Seconds that a batch may take by what was measured, so that urgent calls need not wait longer.
  double max_batch_s = 5e-3;
  /// Memory for what all batches at a time compute with; batches are cut to fit.
  std::size_t memory_limit_bytes = std::size_t{256} << 20;
  /// Seconds that a call may wait for others to come while a turn is free and calls do come that often. 0: a
  /// batch is what came while others were computed.
  double max_delay_s = 0;
  /// Seconds of waiting that count as one level of priority, so that low ones are not starved.
  double patience_s = 0.1;
  /// Calls and rows that may wait, of each lane.
  std::size_t max_queued_calls = 10'000;
  std::size_t max_queued_rows = 1'000'000;
  /// Seconds of processor time to put a thread to sleep and to wake it. Where a batch saves less than this
  /// for a row, calls are computed at once by the threads that make them. 0: never.
  double handover_s = 5e-6;
  const Clock* clock = &Clock::system();  ///< Outlives the batcher.
};

/// What has happened in a lane since it was made, and what waits now. Quantiles are within 3 %.
struct BatcherStatistics {
  std::uint64_t n_done = 0;
  std::uint64_t n_refused = 0;  ///< queue full
  std::uint64_t n_late = 0;     ///< deadline passed
  std::uint64_t n_cancelled = 0;
  std::uint64_t n_failed = 0;
  std::uint64_t n_batches = 0;
  std::uint64_t n_rows = 0;
  std::size_t queued_calls = 0;
  std::size_t queued_rows = 0;
  double rows_per_batch = 0;
  /// Rows over those that the batches could have had, of batches that were formed from the queue.
  double occupancy = 0;
  double latency_p50_s = 0, latency_p95_s = 0,
         latency_p99_s = 0;                               ///< of calls that are done, from their arrival
  double wait_p50_s = 0, wait_p95_s = 0, wait_p99_s = 0;  ///< until their first row was begun
};

/// Computes calls that come at the same time together, because a row of a batch costs less than a row alone.
///
///   DynamicBatcher batcher({.max_running = machine.usable_threads()});
///   BatchLane& lane = batcher.lane("adult");
///   const BatchStatus status = batcher.predict(lane, {model, {cells, 1, out}});
///
/// It has no thread of its own: the threads that call compute. predict() computes at once when nothing waits
/// and a turn is free; otherwise the call waits, and the thread that ends a batch hands its turn to a thread
/// that waits, which computes what has gathered meanwhile. So batches grow with the load and nobody waits
/// without it. A program with few threads and many connections calls submit() for what has come, then
/// run_pending().
///
/// Sizes:   by the measured cost of batches of each size (BatchCurve), memory, and the limits of the options;
/// a
///          call of more rows is cut into several batches, between which others have their turn.
/// Order:   BatchQueue tells it. Rows of a batch are of one version of a model: a version that is replaced
///          computes the calls that were made for it.
/// Results: those of the model, to the byte, whatever the batch.
/// Errors:  a batch whose computation throws is computed call by call, so that only the call at fault fails.
/// Deadlines and cancellation: looked at when a call would be computed next; what runs is not interrupted.
/// Threads: all members may be called from many threads, lane() and statistics() too; on_end of a call may
/// call
///          all but shutdown().
class DynamicBatcher {
 public:
  explicit DynamicBatcher(BatcherOptions options = {});
  /// As shutdown(). No thread may be in a call of the batcher, or about to make one.
  ~DynamicBatcher();
  DynamicBatcher(const DynamicBatcher&) = delete;
  DynamicBatcher& operator=(const DynamicBatcher&) = delete;

  /// The lane of a name, made at the first call with its share of the work when several lanes have calls.
  /// It lives as long as the batcher. @throws Error kInvalidParameter for a weight that is not positive.
  BatchLane& lane(std::string_view name, double weight = 1);

  /// Returns when the call has ended: kDone, or what kept it from that. @throws what the model throws; Error
  /// kInvalidParameter when cells or out do not fit the model.
  BatchStatus predict(BatchLane& lane, const BatchRequest& request);

  /// Lets a call wait: kWaiting, and its on_end will be called. Anything else: it has ended, without on_end.
  /// @throws Error kInvalidParameter as predict().
  BatchStatus submit(BatchLane& lane, BatchCall& call);
  /// Computes what waits and is due, on this thread, until there is no more; returns how many calls have
  /// ended. While as many batches are computed as may be, it waits for one of them to end.
  std::size_t run_pending();

  /// Ends what waits with kShutDown, refuses what comes, and returns when nothing is computed any more.
  void shutdown();

  BatcherStatistics statistics(const BatchLane& lane) const;
  const BatchCurve& curve(const BatchLane& lane) const { return lane.curve_; }

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool is_direct(const BatchLane& lane) const;
  BatchStatus run_alone(BatchLane& lane, const BatchRequest& request, double arrived_s);
  BatchStatus wait_in_line(BatchLane& lane, const BatchRequest& request, double arrived_s, Lock& lock);
  void wait(BatchCall& call);
  bool try_lead(BatchCall& call);
  void lead(BatchCall& call);
  bool run_next(Lock& lock, std::size_t* n_ended = nullptr);
  double compute(Batch& batch) const;
  void compute_each(Batch& batch) const;
  void leave_waiters(const BatchCallList& ended);
  void release_turn();
  void note_turn();
  bool has_turn() const;
  void end(BatchCall& call, double now_s);
  std::size_t end_all(BatchCallList& ended);
  std::unique_ptr<Batch> take_batch();
  void give_batch(std::unique_ptr<Batch> batch);
  void count(BatchLane& lane, BatchStatus status) const;

  BatcherOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;       // nothing runs
  std::condition_variable turn_free_;  // or nothing is due
  BatchQueue queue_;
  BatchCallList waiters_{BatchCallList::kWaiters};  // whose threads sleep and may be given a turn
  std::vector<std::unique_ptr<Batch>> spare_;       // their vectors are warm
  std::size_t n_turns_ = 0;                         // taken; at most max_running
  std::size_t n_others_ = 0;                        // direct calls that are computed without a turn
  std::vector<std::thread::id> holders_;  // of turns with which calls may be ended: on_end may come back
  bool is_stopping_ = false;
};

}  // namespace kolosal::infer
