#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kolosal/automl/events.hpp"

namespace kolosal::cli {

/// Shows a run while it works, on stderr.
///
/// Threads: on_event() may be called from any thread, one call at a time.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void on_event(const automl::Event& event) = 0;
  /// Takes away what must not stay (the bar). Nothing is shown afterwards.
  virtual void finish() {}
};

struct ProgressOptions {
  std::string mode = "auto";  ///< auto, bar, plain, json, none
  double time_budget_s = 0;   ///< 0: the run counts trials.
};

/// "auto" is a bar on a terminal and plain lines else.
std::unique_ptr<Progress> make_progress(const ProgressOptions& options);

/// The line of the bar: as much as fits into `width` columns.
std::string bar_line(const automl::Event& last, double time_budget_s, double elapsed_s, std::size_t width);

}  // namespace kolosal::cli
