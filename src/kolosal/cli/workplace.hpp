#pragma once

#include <memory>
#include <vector>

#include "kolosal/cli/command.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/device.hpp"
#include "kolosal/core/signals.hpp"

namespace kolosal::cli {

/// Appends --threads and --memory-limit.
void add_work_options(std::vector<Option>& options);

/// What a command works with: the machine as it is, threads, the memory limit, and Ctrl-C as a wish to stop.
class Workplace {
 public:
  explicit Workplace(const Config& config);

  const Context& context() const { return context_; }
  CancelToken& cancel() { return cancel_; }

 private:
  CancelToken cancel_;
  SignalScope signals_;
  std::unique_ptr<ThreadPool> pool_;
  Context context_;
};

}  // namespace kolosal::cli
