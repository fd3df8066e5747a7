#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kolosal/automl/options.hpp"
#include "kolosal/automl/run_mirror.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/core/context.hpp"

namespace kolosal::automl {

/// Keeps a run where its options want it: in the history's folder, at its start and end; on a server, while
/// it works too. That it can not be kept is told and never stops the run.
///
/// Threads: as RunMirror.
class RunKeeper {
 public:
  /// The store must live as long.
  RunKeeper(const RunStore& store, const RunOptions& options);

  /// The end of a time budget that belongs to the server's last answer.
  static double reserve_s(const RunOptions& options);

  /// These three give what is to be told to the user.
  std::vector<std::string> begin();
  std::vector<std::string> changed();
  /// Waits for the server at most so long, if there is one.
  std::vector<std::string> end(double patience_s);
  /// Once, without a run at work: begin() and end() in one, and the folder is written once.
  std::vector<std::string> keep(double patience_s);

 private:
  std::string save_to_folder() const;

  const RunStore& store_;
  const RunOptions& options_;
  std::unique_ptr<RunMirror> mirror_;
  bool is_kept_ = true;
};

}  // namespace kolosal::automl
