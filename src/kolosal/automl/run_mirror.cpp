#include "kolosal/automl/run_mirror.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "kolosal/automl/run_record.hpp"
#include "kolosal/automl/run_tables.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/store/database.hpp"

namespace kolosal::automl {
namespace {

constexpr double kLongestRetry_s = 16;
/// For a server that was away before the end.
constexpr double kLastTry_s = 1.5;
/// A run of which nothing is heard for some minutes is taken for dead on other machines.
constexpr double kSignOfLife_s = 30;

}  // namespace

struct RunMirror::State {
  explicit State(RunMirrorOptions wanted) : options(std::move(wanted)) {}

  const RunMirrorOptions options;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> notes;
  std::set<std::string> told;
  bool is_new = false;      // the file holds what the server does not
  bool is_closing = false;  // ends when the server has all
  bool is_ended = false;    // ends now
  bool is_done = false;     // the thread has left
  bool is_away = false;

  // Of the thread alone.
  std::unique_ptr<store::Database> file, server;
  KnownRows known;

  void tell(std::string text) {
    if (told.insert(text).second) notes.push_back(std::move(text));
  }

  /// Without the lock. Why it did not go, or "".
  std::string send() {
    try {
      if (!file) file = std::make_unique<store::Database>(options.database, store::Database::Mode::kExisting);
      if (!server) {
        known.clear();  // another server may stand in for the one that went
        server = std::make_unique<store::Database>(options.server, options.timeout_s);
        prepare_run_tables(*server);
      }
      copy_run(*file, kFileRun, *server, options.run_id, known);
      set_fact_text(*server, options.run_id, "seen_at", utc_now());
      return "";
    } catch (const std::exception& error) {
      server.reset();
      return error.what();
    }
  }

  /// Under the lock: nobody else writes the copy meanwhile. A copy that can not be written is told at the end
  /// of the run, when it is tried again.
  void keep_unsent() {
    if (options.unsent.empty()) return;
    try {
      std::filesystem::create_directories(options.unsent.parent_path());
      RunStore::attach(options.database.parent_path()).copy_to(options.unsent);
    } catch (const std::exception& error) {
      log::warning("what the run store does not take is not kept", {{"reason", error.what()}});
    }
  }
};

RunMirror::RunMirror(RunMirrorOptions options) : state_(std::make_shared<State>(std::move(options))) {
  std::thread([state = state_] { work(state); }).detach();
}

RunMirror::~RunMirror() {
  const std::lock_guard lock(state_->mutex);
  state_->is_ended = true;
  state_->changed.notify_all();
}

void RunMirror::touch() {
  const std::lock_guard lock(state_->mutex);
  state_->is_new = true;
  state_->changed.notify_all();
}

std::vector<std::string> RunMirror::take_notes() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->notes, {});
}

void RunMirror::work(std::shared_ptr<State> shared) {
  State& s = *shared;
  const auto seconds = [](double value) { return std::chrono::duration<double>(value); };
  double retry_s = s.options.retry_s;
  std::unique_lock lock(s.mutex);
  while (!s.is_ended) {
    s.changed.wait_for(lock, seconds(kSignOfLife_s), [&] { return s.is_new || s.is_closing || s.is_ended; });
    if (s.is_ended || (s.is_closing && !s.is_new)) break;
    s.is_new = false;
    const bool was_closing = s.is_closing;
    lock.unlock();
    const std::string why_not = s.send();
    lock.lock();
    if (s.is_ended) {
      s.is_new = s.is_new || !why_not.empty();
      break;
    }
    if (why_not.empty()) {
      if (s.is_away) s.tell(fmt::format("the run store {} is back", s.options.server.text));
      s.is_away = false;
      retry_s = s.options.retry_s;
      s.changed.wait_for(lock, seconds(s.options.pause_s), [&] { return s.is_ended || s.is_closing; });
      continue;
    }
    s.is_new = true;
    if (!s.is_away) {
      s.is_away = true;
      s.keep_unsent();
      s.tell(
          fmt::format("the run store does not take this run ({}); the run goes on, and what it does is "
                      "kept here meanwhile",
                      why_not));
    }
    // The end of the run is a reason to ask at once: its patience may be shorter than the pause.
    s.changed.wait_for(lock, seconds(retry_s), [&] { return s.is_ended || s.is_closing != was_closing; });
    retry_s = s.is_closing ? s.options.retry_s : std::min(2 * retry_s, kLongestRetry_s);
  }
  s.is_done = true;
  s.changed.notify_all();
}

bool RunMirror::close(double patience_s) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  s.is_closing = true;
  s.is_new = true;
  s.changed.notify_all();
  if (s.is_away) patience_s = std::min(patience_s, kLastTry_s);
  s.changed.wait_for(lock, std::chrono::duration<double>(std::max(0.0, patience_s)),
                     [&] { return s.is_done; });
  const bool is_complete = s.is_done && !s.is_new;
  s.is_ended = true;
  s.changed.notify_all();
  return is_complete;
}

}  // namespace kolosal::automl
