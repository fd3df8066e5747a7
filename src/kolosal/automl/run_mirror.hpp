#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "kolosal/store/server_url.hpp"

namespace kolosal::automl {

struct RunMirrorOptions {
  std::filesystem::path database;  ///< The run's own file, run.sqlite.
  std::string run_id;
  store::ServerUrl server;
  /// While the server is away, a copy of the run for it is kept here. Empty: nowhere.
  std::filesystem::path unsent;
  double timeout_s = 5;  ///< Of connecting, and of each answer.
  double pause_s = 1;    ///< Between two looks at what is new.
  double retry_s = 1;    ///< Until a server that is away is asked again; doubles up to 16 s.
};

/// Keeps the copy of a run on a server up to date while the run works, on a thread of its own.
///
/// Cost:    no member but close() waits.
/// Trouble: a server that is away, or refuses, is asked again and again and gets all when it is back; what is
///          to be told of it waits in take_notes().
/// Threads: all members may be called from any thread.
class RunMirror {
 public:
  explicit RunMirror(RunMirrorOptions options);
  /// Leaves without waiting; use close() before.
  ~RunMirror();
  RunMirror(const RunMirror&) = delete;
  RunMirror& operator=(const RunMirror&) = delete;

  /// The run's file has something new.
  void touch();
  /// Sentences for the user, each once.
  std::vector<std::string> take_notes();
  /// Waits at most so long until the server has what the file holds now. Whether it has.
  bool close(double patience_s);

 private:
  struct State;
  static void work(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this while a server hangs
};

}  // namespace kolosal::automl
