#include "kolosal/track/tracker.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <thread>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/core/error.hpp"

namespace kolosal::track {

using nlohmann::json;

namespace {

// What MLflow takes in one call.
constexpr std::size_t kMostMetrics = 800;
constexpr std::size_t kMostPairs = 90;
constexpr double kLongestRetry_s = 8;
/// An update at which the server fails: tries before the others go first, and tries after them.
constexpr std::size_t kTries = 4;
constexpr std::size_t kLaterTries = 5;

using Moment = std::chrono::steady_clock::time_point;

/// An update that waits for its next try behind all others.
struct Delayed {
  json update;
  std::size_t n_tries = 0;
  Moment due;
  bool is_last_tried = false;
};

std::chrono::steady_clock::duration seconds(double value) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(value));
}

json to_json(const MlflowClient::RunPlace& place) {
  return {place.experiment_id, place.run_id, place.artifact_uri};
}

std::optional<MlflowClient::RunPlace> place_from(const json& head, const char* key) {
  if (!head.contains(key) || !head[key].is_array() || head[key].size() != 3) return {};
  for (const json& part : head[key])
    if (!part.is_string()) return {};
  return MlflowClient::RunPlace{head[key][0], head[key][1], head[key][2]};
}

Status status_from(const std::string& name) {
  return name == "failed" ? Status::kFailed : name == "killed" ? Status::kKilled : Status::kFinished;
}

std::string_view name_of(Status status) {
  return status == Status::kFailed ? "failed" : status == Status::kKilled ? "killed" : "finished";
}

using Texts = std::map<std::string, std::string>;

/// What tells a file from a later one of the same name: size and time of the last change; null without a
/// file.
json stamp_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto n_bytes = std::filesystem::file_size(file, error);
  if (error) return nullptr;
  const auto changed = std::filesystem::last_write_time(file, error);
  if (error) return nullptr;
  return {n_bytes, static_cast<std::int64_t>(changed.time_since_epoch().count())};
}

bool is_logged(const json& update) {
  const auto& op = update.at("op").get_ref<const std::string&>();
  return op == "metric" || op == "params" || op == "tags";
}

}  // namespace

/// An update is a JSON object with its "op": start, params, tags, metric, artifact, document, finish.
struct Tracker::State {
  State(TrackerOptions wanted, Note to_tell)
      : options(std::move(wanted)),
        client(parse_url(options.uri), options.timeout_s),
        note(std::move(to_tell)) {
    options.uri = client.server().original;  // without a password: it stands in messages
  }

  TrackerOptions options;
  MlflowClient client;
  std::mutex note_mutex;
  Note note;  // empty when nobody listens any more

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<json> queue;
  std::deque<Delayed> delayed;
  std::optional<MlflowClient::RunPlace> run;
  std::set<std::string> told;  // each trouble once
  std::size_t n_dropped = 0;
  bool is_closing = false;  // ends when the queue is empty
  bool is_ended = false;    // ends now
  bool is_done = false;     // the thread has left
  bool is_gone = false;
  bool is_refused = false;  // the run itself: nothing else can be sent
  bool has_spool = false;

  // Of the thread alone.
  std::size_t n_tries = 0;       // of the front of the queue
  std::size_t n_one_by_one = 0;  // updates of a call that went wrong, to find which of them is to blame
  double pause_s = options.retry_s;
  const double later_s = 16 * options.retry_s;  // until a delayed update has its first turn

  void add(json update) {
    const std::lock_guard lock(mutex);
    if (is_refused || (queue.size() >= options.max_queued && update.at("op") == "metric")) {
      ++n_dropped;
      return;
    }
    queue.push_back(std::move(update));
    changed.notify_all();
  }

  /// Under the lock, which is given back while the user is told.
  void tell(std::unique_lock<std::mutex>& lock, const std::string& text) {
    if (!told.insert(text).second) return;
    lock.unlock();
    {
      const std::lock_guard telling(note_mutex);
      if (note) note(text);
    }
    lock.lock();
  }

  /// As many updates from the front as go into one call.
  std::vector<json> next_batch(bool one_by_one) const {
    std::vector<json> out;
    std::size_t n_metrics = 0, n_pairs = 0;
    for (const json& update : queue) {
      if (!out.empty() && (one_by_one || !is_logged(update))) break;
      update.at("op") == "metric" ? ++n_metrics
                                  : n_pairs += update.contains("values") ? update.at("values").size() : 0;
      if (!out.empty() && (n_metrics > kMostMetrics || n_pairs > kMostPairs)) break;
      out.push_back(update);
      if (!is_logged(update)) break;
    }
    return out;
  }

  Answer<void> send_start(const json& update, std::optional<MlflowClient::RunPlace>& made) const {
    const auto tags = update.at("values").get<Texts>();
    if (options.continued) {
      auto answer = client.reopen_run(options.continued->run_id);
      if (answer) answer = client.log_batch(options.continued->run_id, {}, {}, tags);
      if (answer) made = options.continued;
      if (answer || answer.error().is_gone) return answer;
    }
    const auto experiment = client.experiment_id(options.experiment);
    if (!experiment) return std::unexpected(experiment.error());
    auto place =
        client.create_run(*experiment, options.run_name, update.at("start_ms").get<std::int64_t>(), tags);
    if (!place) return std::unexpected(place.error());
    made = std::move(*place);
    return {};
  }

  /// Whatever goes wrong is an answer: an exception that left the thread would end the whole run.
  Answer<void> send_batch(const std::vector<json>& batch,
                          std::optional<MlflowClient::RunPlace>& place) const {
    try {
      return send_known(batch, place);
    } catch (const std::exception& error) {
      return std::unexpected(CallFailure{false, error.what()});
    }
  }

  Answer<void> send_known(const std::vector<json>& batch,
                          std::optional<MlflowClient::RunPlace>& place) const {
    const json& first = batch.front();
    if (first.at("op") == "start") return send_start(first, place);
    if (!place) return std::unexpected(CallFailure{false, "the run was not made"});
    if (first.at("op") == "artifact" && first.contains("stamp") &&
        first.at("stamp") != stamp_of(first.at("file").get<std::string>()))
      return std::unexpected(CallFailure{false, fmt::format("the file {} is no longer that of the run",
                                                            first.at("file").get<std::string>())});
    if (first.at("op") == "artifact")
      return client.upload(*place, first.at("file").get<std::string>(), first.at("name").get<std::string>());
    if (first.at("op") == "document")
      return client.upload_text(*place, first.at("text").get<std::string>(),
                                first.at("name").get<std::string>());
    if (first.at("op") == "finish")
      return client.end_run(place->run_id, status_from(first.at("status").get<std::string>()),
                            first.at("end_ms").get<std::int64_t>());
    std::vector<Metric> metrics;
    Texts params, tags;
    for (const json& update : batch) {
      if (update.at("op") == "metric")
        metrics.push_back({update.at("key").get<std::string>(), update.at("value").get<double>(),
                           update.at("time_ms").get<std::int64_t>(), update.at("step").get<std::int64_t>()});
      else
        (update.at("op") == "params" ? params : tags).merge(update.at("values").get<Texts>());
    }
    return client.log_batch(place->run_id, metrics, params, tags);
  }

  /// Under the lock. A spool that can not be written is lost, which is told at the end.
  void write_spool() {
    if (options.spool.empty() || n_waiting() == 0) return;
    json head = {{"kolosal_tracking", 1},
                 {"uri", options.uri},
                 {"experiment", options.experiment},
                 {"run_name", options.run_name}};
    if (run) head["run"] = to_json(*run);
    if (options.continued) head["continued"] = to_json(*options.continued);
    std::string text = head.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    const auto add = [&](const json& update) {
      text += update.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    };
    for (const json& update : queue) add(update);
    for (const Delayed& one : delayed) add(one.update);
    try {
      std::error_code ignored;  // the write tells
      if (options.spool.has_parent_path())
        std::filesystem::create_directories(options.spool.parent_path(), ignored);
      artifact::write_file_atomically(options.spool, std::as_bytes(std::span(text)), false);
      has_spool = true;
    } catch (const Error&) {
      has_spool = false;
    }
  }

  // ---- the thread's turns; all under the lock ----

  Answer<void> send_unlocked(std::unique_lock<std::mutex>& lock, const std::vector<json>& batch) {
    auto place = run;
    lock.unlock();
    auto answer = send_batch(batch, place);
    lock.lock();
    if (answer) run = place;
    return answer;
  }

  /// The delayed update whose turn it is. At the end each has one more.
  std::deque<Delayed>::iterator next_delayed() {
    const Moment now = std::chrono::steady_clock::now();
    return std::ranges::find_if(delayed, [&](const Delayed& one) {
      return is_closing ? !one.is_last_tried : one.n_tries < kLaterTries && one.due <= now;
    });
  }

  std::optional<Moment> next_due() const {
    std::optional<Moment> out;
    for (const Delayed& one : delayed)
      if (one.n_tries < kLaterTries && (!out || one.due < *out)) out = one.due;
    return out;
  }

  void be_back(std::unique_lock<std::mutex>& lock) {
    if (is_gone) tell(lock, fmt::format("the tracking server {} is back", options.uri));
    is_gone = false;
    pause_s = options.retry_s;
  }

  /// After a call that may do better later.
  void pause(std::unique_lock<std::mutex>& lock, const CallFailure& failure) {
    is_gone = true;
    write_spool();
    tell(lock, fmt::format("the tracking server {} {} ({}); the run goes on, and what is to be sent waits",
                           options.uri, failure.is_troubled ? "is in trouble" : "can not be reached",
                           failure.text));
    // The end of the run is a reason to ask at once: its patience may be shorter than the pause.
    const bool was_closing = is_closing;
    changed.wait_for(lock, seconds(pause_s), [&] { return is_ended || is_closing != was_closing; });
    pause_s = is_closing ? options.retry_s : std::min(2 * pause_s, kLongestRetry_s);
  }

  void drop(std::unique_lock<std::mutex>& lock, const json& update, const CallFailure& failure) {
    if (update.contains("may_differ")) return;
    ++n_dropped;
    tell(lock, fmt::format("the tracking server {} refuses a part of it ({}): {}", options.uri,
                           update.at("op").get<std::string>(), failure.text));
  }

  void take_from_queue(std::size_t n) {
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(n));
    n_one_by_one -= std::min(n_one_by_one, n);
    n_tries = 0;
  }

  void settle(std::unique_lock<std::mutex>& lock, const std::vector<json>& batch,
              const Answer<void>& answer) {
    const bool is_start = batch.front().at("op") == "start";
    if (answer) {
      take_from_queue(batch.size());
      be_back(lock);
      remove_spool();
    } else if (answer.error().is_gone) {
      // Without the run nothing else can be sent, and a server that does not answer takes nothing else.
      if (answer.error().is_troubled && !is_start) {
        // One that was in a call that failed often had its tries.
        n_tries = n_one_by_one > 0 ? kTries : n_tries + 1;
        if (n_tries >= kTries && batch.size() > 1) {
          n_one_by_one = batch.size();
        } else if (n_tries >= kTries) {
          delayed.push_back({batch.front(), 0, std::chrono::steady_clock::now() + seconds(later_s)});
          take_from_queue(1);
          pause_s = options.retry_s;  // the others have done nothing
        }
      }
      pause(lock, answer.error());
    } else if (batch.size() > 1) {
      n_one_by_one = batch.size();
    } else if (is_start) {
      is_refused = true;
      n_dropped += n_waiting();
      queue.clear();
      delayed.clear();
      remove_spool();
      tell(lock, fmt::format("the tracking server {} refuses the run: {}", options.uri, answer.error().text));
    } else {
      take_from_queue(1);
      remove_spool();
      drop(lock, batch.front(), answer.error());
    }
  }

  void settle_delayed(std::unique_lock<std::mutex>& lock, std::deque<Delayed>::iterator one,
                      const Answer<void>& answer) {
    if (!answer && answer.error().is_gone) {
      one->is_last_tried = is_closing;
      if (answer.error().is_troubled) ++one->n_tries;
      one->due = std::chrono::steady_clock::now() + seconds(later_s * static_cast<double>(1 + one->n_tries));
      if (!answer.error().is_troubled) pause(lock, answer.error());
      return;
    }
    const json update = std::move(one->update);
    delayed.erase(one);
    if (answer)
      be_back(lock);
    else
      drop(lock, update, answer.error());
    remove_spool();
  }

  std::size_t n_waiting() const { return queue.size() + delayed.size(); }

  void remove_spool() {
    if (!has_spool || n_waiting() > 0) return;
    std::error_code ignored;  // it would be sent again, which changes nothing
    std::filesystem::remove(options.spool, ignored);
    has_spool = false;
  }
};

Tracker::Tracker(TrackerOptions options, Note note)
    : state_(std::make_shared<State>(std::move(options), std::move(note))) {
  start_thread();
}

Tracker::~Tracker() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_ended = true;
    state_->changed.notify_all();
  }
  const std::lock_guard telling(state_->note_mutex);
  state_->note = nullptr;
}

void Tracker::start_thread() {
  std::thread([state = state_] { work(state); }).detach();
}

std::unique_ptr<Tracker> Tracker::resume(const std::filesystem::path& spool, Note note) {
  std::ifstream file(spool);
  if (!file) throw Error(ErrorCode::kNotFound, "there is no file {}", spool.string());
  std::string line;
  std::getline(file, line);
  const json head = json::parse(line, nullptr, false);
  if (!head.is_object() || !head.contains("kolosal_tracking"))
    throw Error(ErrorCode::kData, "{} holds no updates for a tracking server", spool.string());
  TrackerOptions options;
  options.uri = head.value("uri", "");
  options.experiment = head.value("experiment", options.experiment);
  options.run_name = head.value("run_name", "");
  options.spool = spool;
  auto out = std::make_unique<Tracker>(std::move(options), std::move(note));
  State& state = *out->state_;
  const std::lock_guard lock(state.mutex);
  state.has_spool = true;
  state.run = place_from(head, "run");
  state.options.continued = place_from(head, "continued");
  while (std::getline(file, line))
    if (json update = json::parse(line, nullptr, false);
        update.is_object() && update.contains("op") && update.at("op").is_string())
      state.queue.push_back(std::move(update));
  state.changed.notify_all();
  return out;
}

void Tracker::start(Texts tags) {
  state_->add({{"op", "start"}, {"start_ms", now_ms()}, {"values", std::move(tags)}});
}

void Tracker::params(Texts values) {
  if (!state_->options.continued) return state_->add({{"op", "params"}, {"values", std::move(values)}});
  for (const auto& [key, value] : values)
    state_->add({{"op", "params"}, {"values", {{key, value}}}, {"may_differ", true}});
}

void Tracker::tags(Texts values) { state_->add({{"op", "tags"}, {"values", std::move(values)}}); }

void Tracker::metric(const std::string& key, double value, std::int64_t step) {
  if (!std::isfinite(value)) return;
  state_->add({{"op", "metric"}, {"key", key}, {"value", value}, {"time_ms", now_ms()}, {"step", step}});
}

void Tracker::artifact(const std::filesystem::path& file, const std::string& name) {
  json update = {{"op", "artifact"}, {"file", std::filesystem::absolute(file).string()}, {"name", name}};
  // It may be sent much later, when another run has written the same place.
  if (auto stamp = stamp_of(file); !stamp.is_null()) update["stamp"] = std::move(stamp);
  state_->add(std::move(update));
}

void Tracker::document(const std::string& text, const std::string& name) {
  state_->add({{"op", "document"}, {"text", text}, {"name", name}});
}

void Tracker::finish(Status status) {
  state_->add({{"op", "finish"}, {"status", name_of(status)}, {"end_ms", now_ms()}});
}

void Tracker::work(std::shared_ptr<State> shared) {
  State& s = *shared;
  std::unique_lock lock(s.mutex);
  for (;;) {
    const auto is_ready = [&] {
      return s.is_ended || s.is_closing || !s.queue.empty() || s.next_delayed() != s.delayed.end();
    };
    if (const auto due = s.next_due())
      s.changed.wait_until(lock, *due, is_ready);
    else
      s.changed.wait(lock, is_ready);
    if (s.is_ended) break;
    if (!s.queue.empty()) {
      const auto batch = s.next_batch(s.n_one_by_one > 0);
      const auto answer = s.send_unlocked(lock, batch);
      s.settle(lock, batch, answer);
    } else if (const auto one = s.next_delayed(); one != s.delayed.end()) {
      // Only this thread takes from it, so its place stays.
      const std::vector<json> batch = {one->update};
      const auto answer = s.send_unlocked(lock, batch);
      s.settle_delayed(lock, one, answer);
    } else if (s.is_closing) {
      break;
    }
  }
  s.is_done = true;
  s.changed.notify_all();
}

std::optional<MlflowClient::RunPlace> Tracker::place() const {
  const std::lock_guard lock(state_->mutex);
  return state_->run;
}

Report Tracker::close(double timeout_s) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  s.is_closing = true;
  s.changed.notify_all();
  s.changed.wait_for(lock, std::chrono::duration<double>(std::max(0.0, timeout_s)),
                     [&] { return s.is_done; });
  s.is_ended = true;
  s.changed.notify_all();
  Report out;
  out.n_left = s.n_waiting();
  out.n_dropped = s.n_dropped;
  out.is_complete = out.n_left == 0 && out.n_dropped == 0;
  if (out.n_left > 0) {
    s.write_spool();
    if (s.has_spool) out.spool = s.options.spool;
  }
  if (s.run)
    out.run_url =
        fmt::format("{}/#/experiments/{}/runs/{}", s.options.uri, s.run->experiment_id, s.run->run_id);
  return out;
}

}  // namespace kolosal::track
