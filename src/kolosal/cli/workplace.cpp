#include "kolosal/cli/workplace.hpp"

namespace kolosal::cli {
namespace {

/// Clears the line of a progress bar and shows the cursor, should the user stop the program at once.
constexpr std::string_view kRestoreTerminal = "\r\033[K\033[?25h";

}  // namespace

void add_work_options(std::vector<Option>& options) {
  options.push_back(
      integer_option("threads", "Threads to work with. Default: what the machine grants to this process.")
          .at_least(1));
  options.back().spec.maximum = 1024;
  options.push_back(bytes_option(
      "memory_limit", "Memory to stay within, as 512MB or 4GB. Default: 80 % of what is available now."));
}

Workplace::Workplace(const Config& config) : signals_(cancel_, kRestoreTerminal) {
  const auto threads = config.optional_integer("threads");
  const auto limit = config.optional_bytes("memory_limit");
  if (!threads || !limit) {
    const Hardware machine = Hardware::detect();
    context_.n_threads = machine.usable_threads();
    context_.memory_limit_bytes = machine.default_memory_limit_bytes();
  }
  if (threads) context_.n_threads = static_cast<std::size_t>(*threads);
  if (limit) context_.memory_limit_bytes = *limit;
  pool_ = std::make_unique<ThreadPool>(context_.n_threads);
  context_.pool = pool_.get();
  context_.cancel = &cancel_;
}

}  // namespace kolosal::cli
