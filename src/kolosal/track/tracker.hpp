#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kolosal/track/mlflow_client.hpp"

namespace kolosal::track {

struct TrackerOptions {
  std::string uri;  ///< http://host:port of an MLflow server.
  std::string experiment = "kolosal";
  std::string run_name;
  std::filesystem::path spool;  ///< Where to keep what the server did not take. Empty: nowhere.
  std::size_t max_queued =
      10'000;  ///< Updates that wait to be sent; beyond, metrics are dropped and counted.
  std::optional<MlflowClient::RunPlace> continued;  ///< An earlier run to go on with, if it is still there.
  double timeout_s = 5;                             ///< Of each step of a call.
  double retry_s = 0.5;  ///< Until a server that is gone is asked again; doubles up to 8 s.
};

/// How it went.
struct Report {
  bool is_complete = false;     ///< The server has all.
  std::size_t n_left = 0;       ///< Updates that it did not take.
  std::size_t n_dropped = 0;    ///< Updates that are lost: the queue was full, or the server refused them.
  std::filesystem::path spool;  ///< Where those that are left are kept; empty: nowhere.
  std::string run_url;          ///< Of the run on the server; "" when it was not made.
};

/// Sends what a run does to an MLflow server, on a thread of its own.
///
/// Cost:    every member but close() puts an update into a queue and returns.
/// Trouble: a server that is gone is asked again and again, and gets all when it is back; meanwhile the spool
///          file holds what waits. An update that the server fails at (5xx) is tried some times, then again
///          after all others, and in the end left to the spool. What the server refuses is dropped. `note` is
///          called once for each kind of trouble, on the thread, with a sentence for the user.
/// Threads: all members may be called from any thread.
class Tracker {
 public:
  using Note = std::function<void(const std::string&)>;

  /// @throws Error kInvalidParameter: parse_url().
  Tracker(TrackerOptions options, Note note);
  /// What a spool file holds, to be sent. @throws Error kNotFound, kData for a file that is none.
  static std::unique_ptr<Tracker> resume(const std::filesystem::path& spool, Note note);
  /// Leaves without waiting; use close() before.
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  /// First of all: the run begins now.
  void start(std::map<std::string, std::string> tags);
  /// Of a run that is continued, those that the server has with another value stay as they are.
  void params(std::map<std::string, std::string> values);
  void tags(std::map<std::string, std::string> values);
  /// A value that is not finite is left out.
  void metric(const std::string& key, double value, std::int64_t step);
  void artifact(const std::filesystem::path& file, const std::string& name);
  /// An artifact that is no file here.
  void document(const std::string& text, const std::string& name);
  /// Last of all.
  void finish(Status status);

  /// Where the run is on the server, once it is made.
  std::optional<MlflowClient::RunPlace> place() const;

  /// Waits until all is sent, at most so long; then what is left goes to the spool file.
  Report close(double timeout_s);

 private:
  struct State;
  static void work(std::shared_ptr<State> state);
  void start_thread();

  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this while a call hangs
};

}  // namespace kolosal::track
