#include "kolosal/core/context.hpp"

#include <time.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace kolosal {
namespace {

double boot_time_s() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// When the kernel made this process, in seconds since boot; its resolution is one clock tick (10 ms).
double process_start_s() {
  const double now = boot_time_s();
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return now;
  // The command name is in parentheses and may hold blanks; starttime is the 20th field after it (proc(5)).
  std::size_t at = line.rfind(')');
  for (int field = 0; field < 20 && at != std::string::npos; ++field) at = line.find(' ', at + 1);
  if (at == std::string::npos) return now;
  const double start = std::strtod(line.c_str() + at, nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return start > 0 && start <= now ? start : now;
}

class SystemClock final : public Clock {
 public:
  double now_s() const override { return boot_time_s() - start_s_; }

 private:
  double start_s_ = process_start_s();
};

}  // namespace

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

}  // namespace kolosal
