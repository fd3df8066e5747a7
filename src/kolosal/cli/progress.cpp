#include "kolosal/cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "kolosal/cli/output.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/log.hpp"

namespace kolosal::cli {
namespace {

using automl::Event;

class Silent final : public Progress {
 public:
  void on_event(const Event&) override {}
};

class JsonLines final : public Progress {
 public:
  void on_event(const Event& event) override {
    if (!is_finished_)
      talk(automl::to_json(event).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  void finish() override { is_finished_ = true; }

 private:
  bool is_finished_ = false;
};

/// What is worth a line of its own; "" for the rest.
std::string plain_line(const Event& event) {
  const std::string time = fmt::format("{:7.1f} s  ", event.elapsed_s);
  switch (event.kind) {
    case Event::Kind::kPhase:
      return event.message == "done" ? "" : time + event.message;
    case Event::Kind::kTrialEnd:
      return fmt::format("{}{} {:.6g}{}{}", time, event.message, event.score,
                         event.note.empty() ? "" : " (" + event.note + ")",
                         event.score == event.best_score ? "  best so far" : "");
    case Event::Kind::kTrialSkipped:
      return fmt::format("{}{} left out: {}", time, event.message, event.note);
    case Event::Kind::kCheckpoint:
      return fmt::format("{}model written, {:.6g}", time, event.score);
    case Event::Kind::kNote:
      return "note: " + event.message;
    default:
      return "";
  }
}

class PlainLines final : public Progress {
 public:
  void on_event(const Event& event) override {
    const std::string line = plain_line(event);
    if (!line.empty() && !is_finished_) talk(line);
  }
  void finish() override { is_finished_ = true; }

 private:
  bool is_finished_ = false;
};

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

/// One line that is drawn again and again. A thread of its own draws it, so that time passes on the screen
/// while a long fit tells nothing.
class Bar final : public Progress {
 public:
  explicit Bar(double time_budget_s) : time_budget_s_(time_budget_s) {
    last_.score = last_.best_score = std::nan("");
    last_.phase = "start";
    print("\033[?25l");
    drawer_ = std::thread([this] { draw_until_finished(); });
  }
  ~Bar() override { finish(); }

  void on_event(const Event& event) override {
    const std::lock_guard lock(mutex_);
    if (is_finished_) return;
    if (event.kind == Event::Kind::kNote) {
      print("\r\033[K");
      note(event.message);
    }
    if (event.kind != Event::Kind::kTick && event.kind != Event::Kind::kNote) last_ = event;
  }

  void finish() override {
    {
      const std::lock_guard lock(mutex_);
      if (is_finished_) return;
      is_finished_ = true;
    }
    changed_.notify_all();
    drawer_.join();
    print("\r\033[K\033[?25h");
  }

 private:
  static void print(std::string_view text) {
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text.data(), text.size());
  }

  void draw_until_finished() {
    std::unique_lock lock(mutex_);
    while (!is_finished_) {
      print("\r" + bar_line(last_, time_budget_s_, Clock::system().now_s(), terminal_width() - 1) + "\033[K");
      changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return is_finished_; });
    }
  }

  double time_budget_s_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_finished_ = false;
  Event last_;
  std::thread drawer_;
};

std::string time_text(double seconds) {
  const auto whole = static_cast<long>(std::ceil(std::max(0.0, seconds)));
  if (whole < 100) return fmt::format("{} s", whole);
  if (whole < 6000) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

/// `share` of `width` columns in eighths of a column.
std::string blocks(double share, std::size_t width) {
  constexpr std::string_view kPartial[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width) * 8);
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  std::size_t used = eighths / 8;
  if (eighths % 8) {
    out += kPartial[eighths % 8];
    ++used;
  }
  return out + std::string(width - used, ' ');
}

}  // namespace

std::string bar_line(const Event& last, double time_budget_s, double elapsed_s, std::size_t width) {
  const bool is_timed = time_budget_s > 0;
  double share = 0;
  if (is_timed)
    share = elapsed_s / time_budget_s;
  else if (last.n_trials_planned > 0)
    share = static_cast<double>(last.n_trials_done) / static_cast<double>(last.n_trials_planned);
  const std::string time = is_timed ? time_text(time_budget_s - elapsed_s) + " left" : time_text(elapsed_s);
  std::vector<std::string> parts;  // from the most to the least important
  parts.push_back(time);
  if (std::isfinite(last.best_score))
    parts.push_back(
        fmt::format("best {}{:.5g}", last.metric.empty() ? "" : last.metric + " ", last.best_score));
  parts.push_back(last.n_trials_planned > 0
                      ? fmt::format("{}/{} trials", last.n_trials_done, last.n_trials_planned)
                      : fmt::format("{} trial{}", last.n_trials_done, last.n_trials_done == 1 ? "" : "s"));
  const bool is_trial = last.kind == Event::Kind::kTrialStart || last.kind == Event::Kind::kTrialEnd;
  if (is_trial) parts.push_back(last.message);

  constexpr std::size_t kPhaseWidth = 8, kBarWidth = 20;
  std::string out = fmt::format("{:<{}.{}}", last.phase, kPhaseWidth, kPhaseWidth);
  std::size_t used = kPhaseWidth;
  if (width < used) return std::string(last.phase.substr(0, width));
  std::string tail;
  std::size_t tail_width = 0;
  for (const std::string& part : parts) {
    if (used + tail_width + 2 + part.size() > width) break;
    tail += "  " + part;
    tail_width += 2 + part.size();
  }
  if (used + 1 + kBarWidth + tail_width <= width) out += " " + blocks(share, kBarWidth);
  return out + tail;
}

std::unique_ptr<Progress> make_progress(const ProgressOptions& options) {
  std::string mode = options.mode;
  if (mode == "auto") {
    const char* terminal = std::getenv("TERM");
    mode = isatty(STDERR_FILENO) && terminal && std::string_view(terminal) != "dumb" ? "bar" : "plain";
  }
  if (mode == "bar") return std::make_unique<Bar>(options.time_budget_s);
  if (mode == "json") return std::make_unique<JsonLines>();
  if (mode == "none") return std::make_unique<Silent>();
  return std::make_unique<PlainLines>();
}

}  // namespace kolosal::cli
